import type { Network } from '../chain/network.js';
import type { Tx } from '../database/transaction.js';
import { asBefore, conflictWith, type FormerRegistration } from './former-registration.js';
import { readFollowed, readFormer } from './former-registration-queries.js';
import { REGISTERED } from './registration-audit.js';
import { canonicalJson, type Registration } from './registration-request.js';

/** Who registers, and where. */
type Registering = { readonly partitionId: number; readonly actor: string };

/**
 * Under the registration lock: the leader reads what is asked for while it holds the same lock alone. Of what was put
 * back nobody knows what was recorded as ignored.
 */
const ASK_FOR_PAST = `
  with asked as (
    update payment_addresses a set backfill = true
     where a.address = any($1::text[]) and not a.backfill
       and not exists (select 1 from incoming_payments p
                        where p.address = a.address and p.status = 'ignored' and p.block_hash is null)
       and not exists (select 1 from audit_log l
                        where ${REGISTERED} and l.entity_id = a.address and l.details ? 'putBack')
    returning a.address
  ), audited as (
    insert into audit_log (action, entity_type, entity_id, actor)
    select 'address.backfill_requested', 'payment_address', address, $2 from asked
  )
  select address from asked`;

const OTHER_NETWORK = 'select network from sync_state where network <> $1 limit 1';

/**
 * Asked with each batch and not only at the start: an instance with a wrong NETWORK may have started
 * before the first leader wrote down which one it is, and its addresses would be watched in vain.
 */
export async function otherNetwork(tx: Tx, network: Network): Promise<string | null> {
  const { rows } = await tx.query<{ network: string }>(OTHER_NETWORK, [network.name]);
  return rows[0]?.network ?? null;
}

// What whoever follows the chain knows as the hot wallet is left out: a process that only registers may not be
// told of it. Unspent outputs have an index; a wallet that was emptied was noted when its past was asked for. An address
// counts from the last block that was followed: where headers are kept they say so, whatever became of the cursor. One
// that is put back counts from where it did: what blocks brought since isn't asked for as its past.
const INSERT_NEW = `
  with here as (
    select coalesce((select max(height) from blocks where partition_id = $1),
                    (select last_block_height from sync_state where partition_id = $1)) as height,
           coalesce((select start_height from sync_state where partition_id = $1), 0) as first
  ), created as (
    insert into payment_addresses
           (address, partition_id, user_id, reference_type, reference_id, metadata, backfill, watched_from,
            backfilled_height)
    select address, $1, user_id, reference_type, reference_id, metadata::jsonb, backfill,
           case when put_back then followed else coalesce(here.height, -1) end,
           case when put_back and followed is not null and here.height is not null
                then greatest(least(coalesce(asked, followed), here.height), followed, here.first) end
      from here, unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[],
                        $9::boolean[], $10::bigint[], $11::bigint[])
           with ordinality
             as r (address, user_id, reference_type, reference_id, metadata, backfill, put_back, followed, asked, position)
     where not exists (select from wallet_backfills b where b.address = r.address)
       and not exists (select from wallet_outputs w where w.address = r.address and w.spent_by is null)
     order by position
        on conflict (address) do nothing
    returning address, user_id, reference_type, reference_id, backfill, watched_from
  ), audited as (
    insert into audit_log (action, entity_type, entity_id, actor, details)
    select 'address.registered', 'payment_address', address, $8,
           jsonb_build_object('userId', user_id, 'referenceType', reference_type,
                              'referenceId', reference_id, 'backfill', backfill,
                              'watchedFrom', watched_from)
           || case when address = any($12::text[]) then '{"putBack": true}' else '{}' end::jsonb
      from created
  )
  select address from created`;

/** @returns what was inserted, and why some weren't */
export async function insertNew(
  tx: Tx,
  wanted: readonly Registration[],
  { partitionId, actor }: Registering,
): Promise<{ created: ReadonlySet<string>; conflicts: ReadonlyMap<string, string> }> {
  const addresses = wanted.map((one) => one.address);
  const former = await readFormer(tx, partitionId, addresses);
  const { fitting, conflicts } = fitTo(former, wanted);
  const followed = await readFollowed(tx, former);
  const { rows } = await tx.query<{ address: string }>(INSERT_NEW, [
    partitionId,
    fitting.map((one) => one.address),
    fitting.map((one) => one.userId),
    fitting.map((one) => one.referenceType),
    fitting.map((one) => one.referenceId),
    fitting.map((one) => one.metadata),
    fitting.map((one) => one.backfill),
    actor,
    fitting.map((one) => former.has(one.address)),
    fitting.map((one) => followed.get(one.address)?.watchedFrom ?? null),
    fitting.map((one) => followed.get(one.address)?.askedAt ?? null),
    [...former.keys()],
  ]);
  return { created: new Set(rows.map((row) => row.address)), conflicts };
}

/** What was registered before stays what it was. */
function fitTo(former: ReadonlyMap<string, FormerRegistration>, wanted: readonly Registration[]) {
  const conflicts = new Map<string, string>();
  const fitting = wanted.flatMap((one) => {
    const before = former.get(one.address);
    if (before === undefined) return [one];
    const conflict = conflictWith(one, before);
    if (conflict === undefined) return [asBefore(one, before)];
    conflicts.set(one.address, conflict);
    return [];
  });
  return { fitting, conflicts };
}

/** Answers for which of them that could still be done. */
export async function askForPast(
  tx: Tx,
  asking: readonly Registration[],
  deps: Registering,
): Promise<ReadonlySet<string>> {
  const addresses = asking.map((one) => one.address);
  const { rows } = await tx.query<{ address: string }>(ASK_FOR_PAST, [addresses, deps.actor]);
  return new Set(rows.map((row) => row.address));
}

/** A statement of its own, so that it sees what a concurrent winner committed meanwhile. */
const READ_BACK = `
  select address, user_id as "userId", reference_type as "referenceType",
         reference_id as "referenceId", metadata, backfill
    from payment_addresses where address = any($1::text[])`;

export async function readBack(
  tx: Tx,
  wanted: readonly Registration[],
): Promise<readonly Registration[]> {
  type Row = Omit<Registration, 'metadata'> & { metadata: unknown };
  const { rows } = await tx.query<Row>(READ_BACK, [wanted.map((one) => one.address)]);
  return rows.map(({ metadata, ...row }) => ({
    ...row,
    metadata: metadata === null ? null : (canonicalJson(metadata) ?? ''),
  }));
}
