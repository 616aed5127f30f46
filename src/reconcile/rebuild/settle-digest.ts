import type { Tx } from '../../database/transaction.js';
import type { Stretch } from '../../payments/digest/check-digest.js';
import {
  appendSums,
  type BlockSum,
  readDigest,
  storedDigests,
} from '../../payments/digest/digest-queries.js';
import { type FactsSum, NO_FACTS } from '../../payments/digest/facts.js';
import { auditHealing } from '../heal/store-queries.js';
import type { CompareScope } from './candidate-queries.js';
import { blocksOf, isSame } from './derived-digest.js';
import { dropDigests } from './digest-row-queries.js';

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
  const { partitionId } = scope;
  const corrected = new Map<number, FactsSum>();
  let lowest: number | null = null;
  for (const stretch of stretches) {
    for await (const block of blocksOf(tx, scope, stretch)) {
      if (!isSame(block.derived, block.tables)) return [DIFFERS];
      const isStored = isSame(block.derived, block.stored ?? NO_FACTS);
      if (!isStored) corrected.set(block.height, block.derived);
      if (!isStored || !block.isLinked) lowest ??= block.height;
    }
  }
  if (lowest === null) return [];
  const recorded = await readDigest(tx, partitionId);
  await linkAgain(tx, partitionId, lowest - 1, corrected);
  const computed = await readDigest(tx, partitionId);
  const details = { cause: by.cause, above: lowest - 1, recorded, computed };
  await auditHealing(tx, at, by.actor, [
    { action: 'digest.corrected', entityType: 'state_digest', entityId: `${partitionId}`, details },
  ]);
  return [];
}

/** Blocks that are stored in one statement. */
const STORED_AT_ONCE = 5_000;

/** Links what is stored above a height once more, with what some of its blocks brought corrected. */
async function linkAgain(
  tx: Tx,
  partitionId: number,
  above: number,
  corrected: ReadonlyMap<number, FactsSum>,
): Promise<void> {
  const gone = [...corrected].flatMap(([height, { facts }]) => (facts === 0 ? [height] : []));
  await dropDigests(tx, partitionId, gone);
  let sums: BlockSum[] = [];
  for await (const sum of correctedSums(tx, partitionId, above, corrected)) {
    sums.push(sum);
    if (sums.length < STORED_AT_ONCE) continue;
    await appendSums(tx, partitionId, sums);
    sums = [];
  }
  await appendSums(tx, partitionId, sums);
}

/** In the order of heights: the corrected ones in their places. */
async function* correctedSums(
  tx: Tx,
  partitionId: number,
  above: number,
  corrected: ReadonlyMap<number, FactsSum>,
): AsyncGenerator<BlockSum, void, void> {
  const owed = [...corrected]
    .flatMap(([height, sum]) => (sum.facts === 0 ? [] : [{ height, ...sum }]))
    .sort((a, b) => a.height - b.height);
  let next = 0;
  for await (const row of storedDigests(tx, partitionId, Number.MAX_SAFE_INTEGER, above)) {
    for (; (owed[next]?.height ?? Number.POSITIVE_INFINITY) < row.height; next += 1) {
      const sum = owed[next];
      if (sum !== undefined) yield sum;
    }
    if (!corrected.has(row.height)) yield row;
  }
  // What stands in the place of a stored row comes with the others that are owed.
  yield* owed.slice(next);
}
