import type { Queryable, Tx } from '../../database/transaction.js';
import type { DatabaseIdentity } from '../model/database-identity.js';

const HOLD = `
  update payout_control
     set held_at = case when $3::jsonb is null then coalesce(held_at, $1) else $1 end,
         hold_reason = $2, hold_until_slot = null,
         memory_gap = memory_gap + $4, identity = coalesce($3::jsonb, identity), updated_at = $1`;

/**
 * Nothing is paid until all that may have been signed and forgotten can't land any more. The bound is
 * counted anew from the node's tip: what was signed up to now may be forgotten too.
 *
 * @param identity of the database as it is now, where that is what changed
 */
export const hold = (tx: Tx, at: Date, reason: string, identity: DatabaseIdentity | null) =>
  tx.query(HOLD, [
    at,
    reason,
    identity === null ? null : JSON.stringify(identity),
    identity === null ? 0 : 1,
  ]);

const BOUND = `
  update payout_control set hold_until_slot = $1, updated_at = $2
   where held_at is not null and hold_until_slot is null`;

export const boundHold = (tx: Tx, at: Date, slot: number) => tx.query(BOUND, [slot, at]);

const END_HOLD = `
  update payout_control
     set held_at = null, hold_reason = null, hold_until_slot = null, fence_requested_at = null,
         fence_requested_by = null, fence_memory_gap = null, updated_at = $1
   where held_at is not null and memory_gap = $2`;

/** False: more was adopted meanwhile. */
export const endHold = async (tx: Tx, at: Date, memoryGap: number): Promise<boolean> =>
  (await tx.query(END_HOLD, [at, memoryGap])).rowCount === 1;

const BEGIN_FENCE = `
  update payout_control
     set fence_generation = fence_generation + 1, fence_memory_gap = $1, updated_at = $2
   where fence_requested_at is not null and memory_gap = $1
  returning fence_generation`;

export async function beginFence(tx: Tx, at: Date, memoryGap: number): Promise<number | null> {
  const { rows } = await tx.query<{ fence_generation: number }>(BEGIN_FENCE, [memoryGap, at]);
  return rows[0]?.fence_generation ?? null;
}

const FENCE = `
  select t.tx_hash as "txHash", t.block_height::float8 as height, t.next_submission_at as "nextSubmissionAt",
         t.invalid_hereafter::float8 as "invalidHereafter", t.refused_reason is not null as refused,
         exists (select 1 from payout_transaction_inputs i
                   left join wallet_outputs w on w.tx_hash = i.input_tx_hash
                                             and w.output_index = i.input_index
                  where i.tx_hash = t.tx_hash
                    and (w.tx_hash is null or w.spent_by <> t.tx_hash)) as lost
    from payout_batches b join payout_transactions t on t.batch_id = b.id
   where b.kind = 'fence' and b.generation = $1
   order by t.tx_hash`;

export type FenceTransaction = {
  readonly txHash: string;
  readonly height: number | null;
  readonly invalidHereafter: number;
  readonly refused: boolean;
  /** Something else spent one of its inputs, or a rollback took it away. */
  readonly lost: boolean;
  readonly nextSubmissionAt: Date;
};

export const fenceTransactions = async (
  db: Queryable,
  generation: number,
): Promise<FenceTransaction[]> => (await db.query<FenceTransaction>(FENCE, [generation])).rows;

const FENCED_BATCHES = `
  with recursive fenced (tx_hash) as (
    select i.tx_hash from payout_transaction_inputs i
      join payout_transactions t on t.tx_hash = i.tx_hash and t.block_height is null
      join wallet_outputs w on w.tx_hash = i.input_tx_hash and w.output_index = i.input_index
     where w.spent_by <> i.tx_hash and w.spent_height <= $1
    union
    select i.tx_hash from fenced f
      join payout_transaction_inputs i on i.input_tx_hash = f.tx_hash
      join payout_transactions t on t.tx_hash = i.tx_hash and t.block_height is null
  )
  select b.id from payout_batches b
   where b.kind = 'payout' and b.released_at is null
     and exists (select 1 from outbound_payments p
                  where p.batch_id = b.id and p.status in ('queued', 'submitted'))
     and not exists (select 1 from payout_transactions t
                      where t.batch_id = b.id and t.block_height is null
                        and t.tx_hash not in (select tx_hash from fenced))
   order by b.id`;

/**
 * Batches all of whose attempts lost an input to the fence, or build on what did. An input that a
 * rollback took away is no such thing: it may come back.
 */
export const fencedBatches = async (db: Queryable, upToHeight: number): Promise<string[]> =>
  (await db.query<{ id: string }>(FENCED_BATCHES, [upToHeight])).rows.map((row) => row.id);

const BACKFILLED = 'select 1 from wallet_backfills where partition_id = $1 and address = $2';

/** Whether all that the wallet holds is known: a fence must spend all of it. */
export const isBackfilled = async (
  db: Queryable,
  partitionId: number,
  address: string,
): Promise<boolean> => (await db.query(BACKFILLED, [partitionId, address])).rows.length > 0;
