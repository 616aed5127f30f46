import type { Tx } from '../database/transaction.js';
import {
  type AuditedRegistration,
  type FormerRegistration,
  formerOf,
  type Lowering,
} from './former-registration.js';
import { heightIn } from './registration-audit.js';

const ENTRIES = `
  select l.entity_id as address, l.id::text, l.action, l.details ->> 'userId' as "userId",
         l.details ?| array['referenceType', 'referenceId'] as "hasReference",
         l.details ->> 'referenceType' as "referenceType", l.details ->> 'referenceId' as "referenceId",
         coalesce(l.details ->> 'backfill' = 'true', false) as backfill,
         (${heightIn('watchedFrom')})::text as "watchedFrom"
    from unnest($1::text[]) as w (address)
    join audit_log l on l.entity_type = 'payment_address' and l.entity_id = w.address
     and l.action in ('address.registered', 'address.backfill_requested')
   where not exists (select from payment_addresses a where a.address = w.address)
   order by l.id`;
const LOWERINGS = `
  select l.id::text, (${heightIn('height')})::text as height from audit_log l
   where l.entity_type = 'partition' and l.entity_id = $1::int::text
     and l.action = 'addresses.watched_from_lowered' and l.id > $2 and l.details ? 'height'`;

type EntryRow = {
  readonly address: string;
  readonly id: string;
  readonly action: string;
  readonly userId: string | null;
  readonly hasReference: boolean;
  readonly referenceType: string | null;
  readonly referenceId: string | null;
  readonly backfill: boolean;
  readonly watchedFrom: string | null;
};

/**
 * Those of the addresses that were registered, and aren't in the books any more. Needs the registration lock: a rollback
 * lowers from when on they count.
 */
export async function readFormer(
  tx: Tx,
  partitionId: number,
  addresses: readonly string[],
): Promise<Map<string, FormerRegistration>> {
  const { rows } = await tx.query<EntryRow>(ENTRIES, [addresses]);
  const [first] = rows;
  if (first === undefined) return new Map();
  const lowerings = await readLowerings(tx, partitionId, first.id);
  const byAddress = new Map<string, EntryRow[]>();
  for (const row of rows) {
    const entries = byAddress.get(row.address);
    if (entries === undefined) byAddress.set(row.address, [row]);
    else entries.push(row);
  }
  return new Map(
    [...byAddress].flatMap(([address, entries]) => {
      const those = (isRequest: boolean) =>
        entries.filter(({ action }) => (action === REQUESTED) === isRequest);
      const requests = those(true).map(({ id }) => BigInt(id));
      const former = formerOf(those(false).map(auditedFrom), requests, lowerings);
      return former === null ? [] : [[address, former] as const];
    }),
  );
}

const REQUESTED = 'address.backfill_requested';

async function readLowerings(tx: Tx, partitionId: number, above: string): Promise<Lowering[]> {
  type Row = { readonly id: string; readonly height: string | null };
  const { rows } = await tx.query<Row>(LOWERINGS, [partitionId, above]);
  return rows.flatMap(({ id, height }) =>
    height === null ? [] : [{ id: BigInt(id), height: BigInt(height) }],
  );
}

const auditedFrom = (row: EntryRow): AuditedRegistration => ({
  id: BigInt(row.id),
  userId: row.userId,
  reference: row.hasReference ? { type: row.referenceType, id: row.referenceId } : null,
  backfill: row.backfill,
  watchedFrom: row.watchedFrom === null ? null : BigInt(row.watchedFrom),
});

// Where no registration says from when on it counts, a block that brought one of its payments was followed for it: only
// then is all that its user was ever credited read. Its past was asked for soon after it was registered; of what is asked
// from here on nobody could tell whether it was there before.
const FOLLOWED = `
  select f.address, w.above::text as "watchedFrom",
         case when w.above is not null then (
           select ${heightIn('height')} from audit_log l
            where l.id > f.since and l.entity_type = 'block' and l.action = 'addresses.backfilled'
              and ${heightIn('height')} >= w.above
            order by l.id limit 1) end::text as "askedAt"
    from unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[]) as f (address, since, user_id, above)
   cross join lateral (
     select case when f.above is not null then f.above else (
       select min((o.data ->> 'blockHeight')::bigint) - 1
         from (select distinct tx_hash, output_index, inclusion from balance_transactions
                where user_id = f.user_id and reason = 'payment_detected' and tx_hash is not null) b
         join outbox o on o.event_key = 'payment.detected:' || b.tx_hash || '#' || b.output_index || ':' || b.inclusion
        where o.data ->> 'address' = f.address and o.data ->> 'blockHeight' ~ '^[0-9]{1,15}$') end as above) w`;

/** Heights, as they are stored; null where nobody knows. */
export type Followed = { readonly watchedFrom: string | null; readonly askedAt: string | null };

/** From when on blocks were followed for them, and where they were asked for their past. */
export async function readFollowed(
  tx: Tx,
  former: ReadonlyMap<string, FormerRegistration>,
): Promise<ReadonlyMap<string, Followed>> {
  if (former.size === 0) return new Map();
  const all = [...former.values()];
  const { rows } = await tx.query<Followed & { readonly address: string }>(FOLLOWED, [
    [...former.keys()],
    all.map(({ since }) => since.toString()),
    all.map(({ userId }) => userId),
    all.map(({ watchedFrom }) => watchedFrom?.toString() ?? null),
  ]);
  return new Map(rows.map((row) => [row.address, row]));
}
