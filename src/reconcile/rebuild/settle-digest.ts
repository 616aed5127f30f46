import type { Tx } from '../../database/transaction.js';
import type { Stretch } from '../../payments/digest/check-digest.js';
import { type FactsSum, NO_FACTS } from '../../payments/digest/facts.js';
import { rewriteDigest } from '../heal/rewrite-digest.js';
import type { CompareScope } from './candidate-queries.js';
import { blocksOf, isSame } from './derived-digest.js';

const DIFFERS =
  'the tables still make another state digest than the blocks, and no single output explains it: look ' +
  'for rows that belong to no address of these books';

/**
 * The digest becomes that of the blocks only where the tables are what the blocks make. Of all other blocks it
 * keeps what they brought: nobody looked at those since they were compared.
 *
 * Above the cursor nothing is stored any more: `dropDigestAbove` came before.
 *
 * @param stretches where anything differed, was healed or came meanwhile
 * @returns what is left
 */
export async function settleDigest(
  tx: Tx,
  at: Date,
  scope: CompareScope,
  stretches: readonly Stretch[],
  by: { readonly actor: string; readonly cause: string },
): Promise<string[]> {
  const corrected = new Map<number, FactsSum>();
  const broken: Stretch[] = [];
  for (const stretch of stretches) {
    let isLinked = true;
    for await (const block of blocksOf(tx, scope, stretch)) {
      if (!isSame(block.derived, block.tables)) return [DIFFERS];
      const isStored = isSame(block.derived, block.stored ?? NO_FACTS);
      if (!isStored) corrected.set(block.height, block.derived);
      isLinked &&= block.isLinked;
    }
    if (!isLinked) broken.push(stretch);
  }
  // Of the stretches only those: all rows from the lowest of them on are read once more, behind the fence, and what
  // hangs together needs nobody's proof.
  await rewriteDigest(tx, at, scope.partitionId, { blocks: corrected, proven: broken }, by);
  return [];
}
