import type { Point } from '../chain/point.js';
import type { Queryable, Tx } from '../database/transaction.js';
import type { BackfillOwner } from './backfill-effects.js';
import type { PlacedPayment } from './effects.js';

const TO_BACKFILL = `
  select address from payment_addresses
   where partition_id = $1 and backfilled_height is null and watch_id <= $2
     and address is distinct from $3 and address <> all($5::text[])
   order by watch_id limit $4`;

/** Addresses whose past nobody knows, in the order of their registration. The hot wallet has its own way. */
export async function addressesToBackfill(
  db: Queryable,
  scope: {
    readonly partitionId: number;
    readonly upTo: bigint;
    readonly hotWallet: string | null;
    readonly limit: number;
    readonly except: readonly string[];
  },
): Promise<string[]> {
  const { rows } = await db.query<{ address: string }>(TO_BACKFILL, [
    scope.partitionId,
    scope.upTo.toString(),
    scope.hotWallet,
    scope.limit,
    scope.except,
  ]);
  return rows.map(({ address }) => address);
}

const OWNERS = `
  select address, user_id, reference_type, reference_id, backfill from payment_addresses
   where address = any($2::text[]) and partition_id = $1 and backfilled_height is null`;

/** Those of them that still are to be backfilled. */
export async function ownersToBackfill(
  tx: Tx,
  partitionId: number,
  addresses: readonly string[],
): Promise<Map<string, BackfillOwner>> {
  const { rows } = await tx.query<{
    address: string;
    user_id: string;
    reference_type: string | null;
    reference_id: string | null;
    backfill: boolean;
  }>(OWNERS, [partitionId, addresses]);
  return new Map(
    rows.map((row) => {
      const owner = {
        address: row.address,
        userId: row.user_id,
        referenceType: row.reference_type,
        referenceId: row.reference_id,
      };
      return [row.address, { owner, isWanted: row.backfill }];
    }),
  );
}

const MARK = `
  update payment_addresses set backfilled_height = $1
   where address = any($2::text[]) and backfilled_height is null`;

export const markBackfilled = async (
  tx: Tx,
  addresses: readonly string[],
  height: number,
): Promise<number> => (await tx.query(MARK, [height, addresses])).rowCount ?? 0;

const AUDIT = `
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  values ('addresses.backfilled', 'block', $2, 'chain', $3::jsonb, $1)`;

/** One line for all that one question told. */
export const auditBackfill = (
  tx: Tx,
  at: Date,
  backfill: {
    readonly point: Point;
    readonly height: number;
    readonly addresses: number;
    readonly payments: readonly PlacedPayment[];
  },
) => {
  const { point, height, addresses, payments } = backfill;
  const ignored = payments.filter(({ status }) => status === 'ignored').length;
  return tx.query(AUDIT, [
    at,
    point.id,
    JSON.stringify({ height, slot: point.slot, addresses, outputs: payments.length, ignored }),
  ]);
};

const ASK_AGAIN = `
  update payment_addresses set backfilled_height = null
   where partition_id = $1 and backfilled_height > $2`;
/** More than people and the chain leave behind while a fork lasts, and quick to read. */
const RECENT = 10_000;

// One entry for all: with those of their registrations it says from when on each of them counts. Also where another
// hand had set one back by then: among the last entries are those of whoever was registered above.
const WATCHED_SINCE = `
  with lowered as (
    update payment_addresses set watched_from = $2 where partition_id = $1 and watched_from > $2
    returning 1
  )
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  select 'addresses.watched_from_lowered', 'partition', $1::int::text, 'chain',
         jsonb_build_object('height', $2::bigint, 'addresses', count(*)), $3
    from lowered
  having count(*) > 0
      or exists (select from (select * from audit_log order by id desc limit ${RECENT}) as l
                  where l.entity_type = 'payment_address' and l.action = 'address.registered'
                    and l.details -> 'watchedFrom' > to_jsonb($2::bigint))`;

/** After a rollback: what a ledger above told isn't known any more, and what is watched is watched from below. */
export async function unwatchAbove(
  tx: Tx,
  partitionId: number,
  height: number,
  at: Date,
): Promise<void> {
  await tx.query(ASK_AGAIN, [partitionId, height]);
  await tx.query(WATCHED_SINCE, [partitionId, height, at]);
}
