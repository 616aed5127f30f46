import type { OutputReference } from '../chain/block.js';
import { outputReference } from '../chain/block.js';
import type { Tx } from '../database/transaction.js';
import type { BetweenOutcome, BooksBetween } from '../sync/between.js';
import {
  dropVanished,
  forgetBackfillsAbove,
  isBackfilled,
  recordBackfill,
  storeBackfilled,
} from './wallet-backfill-queries.js';

export type BackfillDeps = {
  readonly partitionId: number;
  readonly hotWallet: string | null;
  /** Its spend is looked for from the next block on. */
  readonly learn: (reference: OutputReference) => void;
};

/** What the hot wallet held before it was followed: found by a query, and recorded without a block. */
export async function backfillWallet(
  { partitionId, hotWallet, learn }: BackfillDeps,
  books: BooksBetween,
): Promise<BetweenOutcome> {
  if (hotWallet === null) return 'nothing_to_do';
  if (await isBackfilled(books.pool, partitionId, hotWallet)) return 'nothing_to_do';
  const unspent = await books.unspentAt([hotWallet]);
  // A node that answers more than it was asked for must not make others' money ours.
  const found = unspent.filter(({ output }) => output.address === hotWallet);
  const { point, height } = books;
  const written = await books.write(async (tx) => {
    // Before the commit: the next block waits for it, and must find them.
    for (const { txHash, output } of found) learn(outputReference(txHash, output.index));
    await dropVanished(tx, partitionId, hotWallet, found);
    await storeBackfilled(tx, partitionId, found);
    await recordBackfill(tx, { partitionId, address: hotWallet, point, height }, found.length);
    return { found: found.length };
  });
  return written ?? 'moved';
}

/**
 * A rollback below the block whose ledger was asked: what was found may not be on the new chain, so it
 * is asked for again. Until then the rows stay. Nearly all of them are older than the fork, and the new
 * chain's blocks may spend them before the node is asked again: a spend of a row that is gone would
 * never be known. What doesn't exist any more is dropped when the node says so.
 */
export const undoBackfillAbove = (tx: Tx, partitionId: number, height: number): Promise<unknown> =>
  forgetBackfillsAbove(tx, partitionId, height);
