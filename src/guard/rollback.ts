import type { Pool } from 'pg';
import { inTransaction, type Tx } from '../database/transaction.js';
import type { BlockHandlers } from '../sync/follower.js';
import { lockGuard, readGuard } from './guard-queries.js';
import { writeReasons } from './hold.js';
import { afterGoingBack, type Trouble, withTrouble } from './reasons.js';

export type RollbackGuard = {
  readonly partitionId: number;
  /** A rollback over more blocks holds; null: none does. */
  readonly rollbackDepth: number | null;
  /** A term confirms and pays nothing until its witnesses were heard: `watchChain` ends that. */
  readonly hasWitnesses: boolean;
};

/**
 * Holds in the very transaction of a rollback that is too deep, or takes back what a person vouched for, so
 * that no block after it confirms anything; and from the beginning of a term until its witnesses were heard. To be put around all other
 * handlers.
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

function holdingRollbacks<S>(
  handlers: BlockHandlers<S>,
  { partitionId, rollbackDepth }: RollbackGuard,
): BlockHandlers<S> {
  // Several rollbacks with little in between lose as much as a single one: counted from the highest block.
  let peak: number | null = null;
  return {
    ...handlers,
    async forward(tx, blocks, at) {
      const height = blocks.at(-1)?.block.height ?? 0;
      if (peak !== null && height >= peak) peak = null;
      return handlers.forward(tx, blocks, at);
    },
    async backward(tx, height, at, undone) {
      const summary = await handlers.backward(tx, height, at, undone);
      peak = Math.max(peak ?? 0, height + undone);
      const depth = peak - height;
      const isDeep = rollbackDepth !== null && depth > rollbackDepth;
      const trouble = isDeep ? ({ kind: 'rollback', common: height, depth } as const) : null;
      await holdFor(tx, partitionId, { height, trouble }, at);
      return summary;
    },
  };
}

type GoneBack = { readonly height: number; readonly trouble: Trouble | null };

async function holdFor(
  tx: Tx,
  partitionId: number,
  { height, trouble }: GoneBack,
  at: Date,
): Promise<void> {
  if (trouble === null) {
    // Most rollbacks take back a block or two, and nobody ever let anything pass.
    const { reasons } = await readGuard(tx, partitionId);
    if (reasons.length === 0) return;
  }
  const before = await lockGuard(tx, partitionId);
  const since = at.toISOString();
  const left = afterGoingBack(before.reasons, height, since);
  const reasons = trouble === null ? left : withTrouble(left, trouble, since);
  if (reasons.some((reason, i) => reason !== before.reasons[i])) {
    await writeReasons(tx, partitionId, at, before, reasons);
  }
}
