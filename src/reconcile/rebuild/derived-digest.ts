import type { Tx } from '../../database/transaction.js';
import type { Stretch } from '../../payments/digest/check-digest.js';
import {
  type BlockSum,
  type DigestRow,
  readDigest,
  storedDigests,
} from '../../payments/digest/digest-queries.js';
import { addFacts, type FactsSum, linkDigest, NO_FACTS } from '../../payments/digest/facts.js';
import { recompute } from '../../payments/digest/recompute.js';
import type { CompareScope } from './candidate-queries.js';
import { derivedFacts } from './derived-facts.js';
import { blockAt, collectStretches } from './stretches.js';

/** The state digest right after a block, as it is stored and as the blocks make it. */
export type DigestComparison = {
  readonly height: number;
  readonly stored: string;
  readonly derived: string;
  /** As the live tables make it. */
  readonly tables: string;
};

/** Whether blocks, tables and what is stored make one and the same. */
export const isProven = ({ stored, derived, tables }: DigestComparison): boolean =>
  stored === derived && tables === derived;

export type ComparedDigests = {
  readonly digest: DigestComparison;
  /** Where blocks, tables and what is stored differ block by block, or what is stored doesn't hang together. */
  readonly differing: readonly Stretch[];
};

/** Folds what was derived onto the digest that is stored for where reading began. */
export async function compareDigests(tx: Tx, scope: CompareScope): Promise<ComparedDigests> {
  const { partitionId, fromHeight, height } = scope;
  const { digest: before } = await readDigest(tx, partitionId, fromHeight);
  let [derived, tables] = [before, before];
  const differing = collectStretches();
  for await (const block of blocksOf(tx, scope, { above: fromHeight, upTo: height })) {
    derived = folded(derived, block.height, block.derived);
    tables = folded(tables, block.height, block.tables);
    if (!agrees(block)) differing.add([blockAt(block.height)]);
  }
  const { digest: stored } = await readDigest(tx, partitionId, height);
  return { digest: { height, stored, derived, tables }, differing: differing.result() };
}

const folded = (digest: string, height: number, sum: FactsSum): string =>
  sum.facts === 0 ? digest : linkDigest(digest, height, sum);

/** What each side says that one block brought. */
export type ComparedBlock = {
  readonly height: number;
  readonly derived: FactsSum;
  readonly tables: FactsSum;
  readonly stored: DigestRow | null;
  /** Whether what is stored follows from what is stored before. */
  readonly isLinked: boolean;
};

export const isSame = (a: FactsSum, b: FactsSum): boolean => a.facts === b.facts && a.sum === b.sum;

const agrees = ({ derived, tables, stored, isLinked }: ComparedBlock): boolean =>
  isLinked && isSame(derived, tables) && isSame(derived, stored ?? NO_FACTS);

/** Blocks of a stretch of which any side knows anything, in the order of heights. */
export async function* blocksOf(
  tx: Tx,
  scope: CompareScope,
  stretch: Stretch,
): AsyncGenerator<ComparedBlock, void, void> {
  const { partitionId } = scope;
  const { above, upTo } = stretch;
  const derived = await openSide(derivedSums(tx, scope, stretch));
  const tables = await openSide(recompute(tx, partitionId, stretch));
  const stored = await openSide(storedDigests(tx, partitionId, upTo, above));
  let { digest } = await readDigest(tx, partitionId, above);
  for (;;) {
    const height = Math.min(derived.height(), tables.height(), stored.height());
    if (height === Number.POSITIVE_INFINITY) return;
    const row = await stored.take(height);
    const isLinked = row === null || row.digest === linkDigest(digest, height, row);
    digest = row?.digest ?? digest;
    yield {
      height,
      derived: (await derived.take(height)) ?? NO_FACTS,
      tables: (await tables.take(height)) ?? NO_FACTS,
      stored: row,
      isLinked,
    };
  }
}

async function openSide<T extends { readonly height: number }>(rows: AsyncIterator<T, void, void>) {
  let next = await rows.next();
  return {
    /** Of the next block; infinity where there are no more. */
    height: (): number => (next.done === true ? Number.POSITIVE_INFINITY : next.value.height),
    async take(height: number): Promise<T | null> {
      if (next.done === true || next.value.height !== height) return null;
      const { value } = next;
      next = await rows.next();
      return value;
    },
  };
}

async function* derivedSums(
  tx: Tx,
  scope: CompareScope,
  stretch: Stretch,
): AsyncGenerator<BlockSum, void, void> {
  let block: BlockSum | null = null;
  for await (const page of derivedFacts(tx, scope, stretch)) {
    for (const { height, fact } of page) {
      if (block !== null && block.height !== height) {
        yield block;
        block = null;
      }
      block = { height, ...addFacts(block ?? NO_FACTS, [fact]) };
    }
  }
  if (block !== null) yield block;
}
