import type { PointOrOrigin } from '../../chain/point.js';
import type { Queryable, Tx } from '../../database/transaction.js';
import { countsAbove } from '../compare/counting-queries.js';
import { HELD_PARTITIONS } from '../compare/held-queries.js';
import type { Misdated } from '../heal/misdated.js';

/** Between which heights, and whose. */
export type CompareScope = {
  readonly jobId: string;
  readonly partitionId: number;
  /** Facts above it were derived. */
  readonly fromHeight: number;
  /** Of the block after which both sides are compared. */
  readonly height: number;
  readonly hotWallet: string | null;
  /** Rows of which no block tells from when on they count, and that don't count from where they must. */
  readonly misdated: readonly Misdated[];
};

export const scopeValues = (scope: CompareScope): unknown[] => [
  scope.jobId,
  scope.partitionId,
  scope.fromHeight,
  scope.height,
  scope.hotWallet,
];

const COUNTS_ABOVE = countsAbove('$2', '$4::bigint');

/**
 * What was booked of the past of an address that waits to be asked for it once more: of another hand's, for a rollback
 * leaves a row that says so, and takes back what was booked.
 */
const BOOKED_BEFORE = `
  (a.backfill and a.backfilled_height is null
   and exists (select from balance_transactions b
                where b.tx_hash = o.tx_hash and b.output_index = o.output_index and b.reason = 'payment_detected'
                  and not exists (select from balance_transactions e
                                   where e.tx_hash = b.tx_hash and e.output_index = b.output_index
                                     and e.inclusion = b.inclusion and e.reason = 'payment_rolled_back')))`;

/** An output that was derived: whether it must be recorded, and whether with its block. */
export const DERIVED = `
  select o.tx_hash, o.output_index, o.address, o.amount_lovelace, o.assets, o.has_script, o.block_hash,
         o.block_height, o.slot, o.tx_position, s.spent_by, s.spent_height, a.user_id as owner,
         a.watched_from, a.backfill,
         case when o.address = $5 then 'wallet' when a.address is not null then 'payment' end as kind,
         case when o.address = $5 then w.block_height else a.backfilled_height end as asked_at,
         case when o.address = $5 then
                coalesce(w.block_height <= $4
                           and (o.block_height > w.block_height
                                or coalesce(s.spent_height > w.block_height, true)), false)
              when a.address is not null then
                o.block_height > ${COUNTS_ABOVE}
                  or coalesce(a.backfilled_height <= $4
                                and coalesce(s.spent_height > a.backfilled_height, true), false)
                  or ${BOOKED_BEFORE}
              else false end as must,
         case when a.address is not null and o.address is distinct from $5
              then o.block_height > ${COUNTS_ABOVE}
              else o.block_height > coalesce((select start_height from sync_state
                                               where partition_id = $2), -1) end as in_block
    from rebuild_outputs o
    left join rebuild_spends s using (job_id, tx_hash, output_index)
    left join payment_addresses a on a.address = o.address and a.partition_id = $2
    left join wallet_backfills w on w.address = o.address and w.partition_id = $2
   where o.job_id = $1`;

/** A payment that a followed block brought: then it has that block, and isn't counted from any ledger. */
export const IS_FOLLOWED = `(d.kind = 'payment' and d.must and d.in_block and d.watched_from is not null)`;

/** Of a row that no derived output stands for: whether it may be wrong above where reading began. */
const UNREAD = `
  (coalesce(r.block_height, r.counted_from) > $3
   or (r.spent_by is not null or s.spent_by is not null)
      and (r.spent_by, r.spent_height) is distinct from (s.spent_by, s.spent_height)
      and (s.spent_by is not null or coalesce(r.spent_height > $3, true)))`;
/** In no block, and no ledger told of it: not at a height that a chain may have. */
const IS_NOWHERE = `
  (r.block_height is null and coalesce(r.counted_from > ${Number.MAX_SAFE_INTEGER}, true))`;
const DIFFERS = `
  (r.address <> d.address or r.amount_lovelace <> d.amount_lovelace or r.assets <> d.assets
   or (r.spent_by, r.spent_height) is distinct from (d.spent_by, d.spent_height)
   or r.block_height is not null and (r.block_hash, r.block_height, r.slot)
        is distinct from (d.block_hash, d.block_height, d.slot))`;

const FIND = `
  with here as (
    select 1 from sync_state
     where partition_id = $2 and started and last_block_hash is not distinct from $6
  ), held as (
    select $2 in (${HELD_PARTITIONS}) as yes
  ), derived as materialized (${DERIVED}), found as (
    select 'payment' as kind, r.tx_hash, r.output_index
      from incoming_payments r
      left join derived d using (tx_hash, output_index)
      left join rebuild_spends s on s.job_id = $1 and s.tx_hash = r.tx_hash and s.output_index = r.output_index
     where r.partition_id = $2
       and case
         when r.status = 'rolled_back' then d.kind = 'payment' and d.must
         when d.tx_hash is null then coalesce(r.block_height, r.counted_from) is null or ${UNREAD}
         else d.owner is null or d.kind is distinct from 'payment' or r.user_id <> d.owner or ${DIFFERS}
              or r.block_height is null and (${IS_FOLLOWED} or not d.backfill and r.status <> 'ignored')
              or r.tx_position <> d.tx_position
              or ${IS_NOWHERE}
              or r.status = 'pending' and not (select yes from held)
                 and coalesce(r.block_height, r.counted_from) <= $4 - r.required_confirmations + 1
         end
    union all
    select 'wallet', r.tx_hash, r.output_index
      from wallet_outputs r
      left join derived d using (tx_hash, output_index)
      left join rebuild_spends s on s.job_id = $1 and s.tx_hash = r.tx_hash and s.output_index = r.output_index
     where r.partition_id = $2
       and case
         when ${IS_NOWHERE} then coalesce(d.must, false)
         when d.tx_hash is null then ${UNREAD}
         else ${DIFFERS} or r.has_script <> d.has_script
              or d.kind = 'payment'
                 and coalesce(r.block_height, r.counted_from) >= coalesce(d.watched_from, -1)
         end
    union all
    select d.kind, d.tx_hash, d.output_index
      from derived d
      left join incoming_payments p
        on d.kind = 'payment' and p.tx_hash = d.tx_hash and p.output_index = d.output_index
      left join wallet_outputs w
        on d.kind = 'wallet' and w.tx_hash = d.tx_hash and w.output_index = d.output_index
     where d.must and p.tx_hash is null and w.tx_hash is null
    union
    select kind, split_part(reference, '#', 1), split_part(reference, '#', 2)::int
      from unnest($7::text[], $8::text[]) as misdated (kind, reference)
  ), stored as (
    insert into rebuild_candidates (job_id, kind, tx_hash, output_index)
    select $1, found.* from found, here
    returning 1
  )
  select (select count(*) from here)::int as here, (select count(*) from stored)::int as stored`;

/**
 * All outputs that may differ, found in one statement, and so at one moment.
 *
 * @returns how many; null where the books don't stand at that point
 */
export async function findCandidates(
  tx: Tx,
  scope: CompareScope,
  point: PointOrOrigin,
): Promise<number | null> {
  await tx.query('delete from rebuild_candidates where job_id = $1', [scope.jobId]);
  const { rows } = await tx.query<{ here: number; stored: number }>(FIND, [
    ...scopeValues(scope),
    point === 'origin' ? null : point.id,
    scope.misdated.map(({ kind }) => kind),
    scope.misdated.map(({ reference }) => reference),
  ]);
  const [row] = rows;
  return row === undefined || row.here === 0 ? null : row.stored;
}

/** Made a moment ago by the million: without this the first comparison would be planned for empty tables. */
export async function analyzeShadow(db: Queryable): Promise<void> {
  await db.query('analyze rebuild_outputs');
  await db.query('analyze rebuild_spends');
}
