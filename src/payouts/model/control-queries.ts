import type { Queryable, Tx } from '../../database/transaction.js';
import { controlLost } from './control-row.js';
import { STANDING_PAUSE } from './standing-pause.js';

/** What a person needs to know of whether payouts go out. */
export type PayoutControl = {
  readonly pausedAt: Date | null;
  readonly pausedBy: string | null;
  readonly pauseReason: string | null;
  readonly heldAt: Date | null;
  readonly holdReason: string | null;
  readonly fenceRequestedAt: Date | null;
  readonly fenceRequestedBy: string | null;
  readonly fenceGeneration: number;
};

const CONTROL = `
  select paused_at as "pausedAt", paused_by as "pausedBy", pause_reason as "pauseReason",
         held_at as "heldAt", hold_reason as "holdReason", fence_requested_at as "fenceRequestedAt",
         fence_requested_by as "fenceRequestedBy", fence_generation as "fenceGeneration"
    from payout_control`;

export async function readControl(db: Queryable): Promise<PayoutControl> {
  const { rows } = await db.query<PayoutControl>(CONTROL);
  const [row] = rows;
  if (row === undefined) throw controlLost();
  return row;
}

const LOCK_HOLD = `
  select held_at as "heldAt", identity, now() as now from payout_control for share`;

export type Hold = {
  readonly heldAt: Date | null;
  /** Of the database that payouts were last paid from; null where none ever were. */
  readonly identity: Readonly<Record<string, string>> | null;
  readonly now: Date;
};

/** Whether payouts are held, until this transaction ends; and the database's time. */
export async function lockHold(tx: Tx): Promise<Hold> {
  const { rows } = await tx.query<Hold>(LOCK_HOLD);
  const [row] = rows;
  if (row === undefined) throw controlLost();
  return row;
}

const PAUSE = `
  update payout_control
     set paused_at = now(), paused_by = $1, pause_reason = $2, updated_at = now()
   where paused_at is null`;

/** @returns false where it was paused already */
export const setPaused = async (tx: Tx, by: string, reason: string | null): Promise<boolean> =>
  (await tx.query(PAUSE, [by, reason])).rowCount === 1;

const RESUME = `
  update payout_control
     set paused_at = null, paused_by = null, pause_reason = null, updated_at = now()
   where paused_at is not null or ${STANDING_PAUSE} is not null`;

/** Also of a pause that another hand took away. @returns false where it wasn't paused */
export const setResumed = async (tx: Tx): Promise<boolean> =>
  (await tx.query(RESUME)).rowCount === 1;

const REQUEST_FENCE = `
  update payout_control
     set fence_requested_at = now(), fence_requested_by = $1, updated_at = now()
   where paused_at is null and fence_requested_at is null`;

/** @returns false where payouts are paused, or one was requested already */
export const setFenceRequested = async (tx: Tx, by: string): Promise<boolean> =>
  (await tx.query(REQUEST_FENCE, [by])).rowCount === 1;

/** How far the fence of a generation is. */
export type FenceProgress = {
  /** The same request still stands. */
  readonly requested: boolean;
  readonly generation: number;
  /** Of that generation, and made for the request where one stands. */
  readonly transactions: readonly { readonly txHash: string; readonly submitted: boolean }[];
};

/** One snapshot: the generation and its transactions are of one moment. */
const FENCE_PROGRESS = `
  select c.fence_requested_at is not null as requested, c.fence_generation as generation,
         (select coalesce(jsonb_agg(jsonb_build_object(
                   'txHash', t.tx_hash, 'submitted', t.first_submitted_at is not null)
                   order by t.created_at, t.tx_hash), '[]')
            from payout_batches b join payout_transactions t on t.batch_id = b.id
           where b.kind = 'fence' and b.generation = c.fence_generation
             and (c.fence_requested_at is null or b.created_at >= c.fence_requested_at)) as transactions
    from payout_control c`;

export async function readFence(db: Queryable): Promise<FenceProgress> {
  const { rows } = await db.query<FenceProgress>(FENCE_PROGRESS);
  const [row] = rows;
  if (row === undefined) throw controlLost();
  return row;
}
