import type { Pool } from 'pg';
import { inTransaction } from '../../database/transaction.js';
import { audit } from '../model/books-queries.js';
import {
  type PayoutControl,
  readControl,
  readFence,
  setFenceRequested,
  setPaused,
  setResumed,
} from '../model/control-queries.js';

type Changed = { readonly changed: boolean; readonly control: PayoutControl };

/**
 * Stops every signature and submission from the moment this commits: each of them begins with a look at
 * the same row, which this locks. What is submitted already may still come into a block.
 */
export const pausePayouts = (pool: Pool, actor: string, reason: string | null): Promise<Changed> =>
  inTransaction(pool, async (tx) => {
    const changed = await setPaused(tx, actor, reason);
    const told = { action: 'payout.paused', ...PAYOUTS, actor, details: { reason } };
    if (changed) await audit(tx, new Date(), [told]);
    return { changed, control: await readControl(tx) };
  });

/** Ends a pause, whoever began it. A hold goes on: it isn't a person's to end. */
export const resumePayouts = (pool: Pool, actor: string): Promise<Changed> =>
  inTransaction(pool, async (tx) => {
    const { pausedBy, pauseReason } = await readControl(tx);
    const changed = await setResumed(tx);
    const told = {
      action: 'payout.resumed',
      ...PAYOUTS,
      actor,
      details: { pausedBy, pauseReason },
    };
    if (changed) await audit(tx, new Date(), [told]);
    return { changed, control: await readControl(tx) };
  });

export type FenceRequest =
  | { readonly type: 'paused'; readonly control: PayoutControl }
  /** `before`: the generation of the fence before this one. */
  | { readonly type: 'requested' | 'was_requested'; readonly before: number };

/** Asks whoever pays for transactions that make everything signed before invalid. */
export const requestFence = (pool: Pool, actor: string): Promise<FenceRequest> =>
  inTransaction(pool, async (tx) => {
    const changed = await setFenceRequested(tx, actor);
    if (changed) {
      await audit(tx, new Date(), [
        { action: 'payout.fence_requested', ...PAYOUTS, actor, details: {} },
      ]);
    }
    const control = await readControl(tx);
    if (!changed && control.pausedAt !== null) return { type: 'paused', control };
    const { generation } = await readFence(tx);
    return { type: changed ? 'requested' : 'was_requested', before: generation };
  });

const PAYOUTS = { entityType: 'payouts', entityId: 'all' } as const;
