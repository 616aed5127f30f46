import type { Pool } from 'pg';
import { SECURITY_PARAMETER_BLOCKS } from '../chain/point.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import type { BlockHandlers } from '../sync/follower.js';
import { lockGuard, savePeak } from './guard-queries.js';
import { writeReasons } from './hold.js';
import { afterGoingBack, withTrouble } from './reasons.js';

export type RollbackGuard = {
  readonly partitionId: number;
  /** A rollback over more blocks holds; null: none does. */
  readonly rollbackDepth: number | null;
  /** A term confirms and pays nothing until its witnesses were heard: `watchChain` ends that. */
  readonly hasWitnesses: boolean;
};

/**
 * Holds in the very transaction of a rollback that is too deep, or takes back what a person vouched for, so
 * that no block after it confirms anything; and from the beginning of a term until its witnesses were heard.
 * To be put around all other handlers.
 */
export function withGuard<S>(handlers: BlockHandlers<S>, guard: RollbackGuard): BlockHandlers<S> {
  const listening = guard.hasWitnesses ? beginningUnheard(handlers, guard.partitionId) : handlers;
  return holdingRollbacks(listening, guard);
}

/** Before the first block of a term: it may have begun in the middle of a split. */
const beginningUnheard = <S>(
  handlers: BlockHandlers<S>,
  partitionId: number,
): BlockHandlers<S> => ({
  ...handlers,
  async prepare(pool, signal) {
    await holdUntilHeard(pool, partitionId);
    await handlers.prepare(pool, signal);
  },
});

const holdUntilHeard = (pool: Pool, partitionId: number): Promise<void> =>
  inTransaction(pool, async (tx) => {
    const at = new Date();
    const before = await lockGuard(tx, partitionId);
    // What a person let pass was another term's silence.
    const others = before.reasons.filter(({ kind }) => kind !== 'unheard');
    const reasons = withTrouble(others, { kind: 'unheard' }, at.toISOString());
    await writeReasons(tx, partitionId, at, before, reasons);
  });

const holdingRollbacks = <S>(
  handlers: BlockHandlers<S>,
  guard: RollbackGuard,
): BlockHandlers<S> => ({
  ...handlers,
  async backward(tx, height, at, undone) {
    const summary = await handlers.backward(tx, height, at, undone);
    await holdFor(tx, guard, { from: height + undone, to: height }, at);
    return summary;
  },
});

type GoneBack = { readonly from: number; readonly to: number };

async function holdFor(
  tx: Tx,
  { partitionId, rollbackDepth }: RollbackGuard,
  { from, to }: GoneBack,
  at: Date,
): Promise<void> {
  const before = await lockGuard(tx, partitionId);
  const peak = peakOf(before.peakHeight, from);
  await savePeak(tx, partitionId, at, peak);
  const since = at.toISOString();
  const left = afterGoingBack(before.reasons, to, since);
  const depth = peak - to;
  const reasons =
    rollbackDepth !== null && depth > rollbackDepth
      ? withTrouble(left, { kind: 'rollback', common: to, depth, limit: rollbackDepth }, since)
      : left;
  if (reasons.some((reason, i) => reason !== before.reasons[i])) {
    await writeReasons(tx, partitionId, at, before, reasons);
  }
}

/**
 * Several rollbacks with little in between lose as much as a single one, whoever led: counted from the highest
 * block there was. A height that no chain of ours can have lost was a cursor that another hand wrote.
 */
function peakOf(before: number | null, from: number): number {
  if (before === null || before - from > SECURITY_PARAMETER_BLOCKS) return from;
  return Math.max(before, from);
}
