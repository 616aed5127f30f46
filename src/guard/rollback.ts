import type { Tx } from '../database/transaction.js';
import type { BlockHandlers } from '../sync/follower.js';
import { lockGuard } from './guard-queries.js';
import { writeReasons } from './hold.js';
import { withTrouble } from './reasons.js';

export type RollbackGuard = {
  readonly partitionId: number;
  /** A rollback over more blocks holds; null: none does. */
  readonly rollbackDepth: number | null;
};

/**
 * Holds in the very transaction of a rollback that is too deep, so that no block after it confirms
 * anything. To be put around all other handlers.
 */
export function withGuard<S>(
  handlers: BlockHandlers<S>,
  { partitionId, rollbackDepth }: RollbackGuard,
): BlockHandlers<S> {
  if (rollbackDepth === null) return handlers;
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
      if (depth > rollbackDepth) await holdFor(tx, partitionId, { common: height, depth }, at);
      return summary;
    },
  };
}

async function holdFor(
  tx: Tx,
  partitionId: number,
  rollback: { readonly common: number; readonly depth: number },
  at: Date,
): Promise<void> {
  const before = await lockGuard(tx, partitionId);
  const trouble = { kind: 'rollback', ...rollback } as const;
  const reasons = withTrouble(before.reasons, trouble, at.toISOString());
  await writeReasons(tx, partitionId, at, before, reasons);
}
