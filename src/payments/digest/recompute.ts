import type { Queryable, Tx } from '../../database/transaction.js';
import {
  appendSums,
  type BlockSum,
  deleteDigestsAbove,
  deleteDigestsBetween,
} from './digest-queries.js';
import { factSources, factsAt, type Heights } from './fact-queries.js';
import { addSums, type FactsSum, NO_FACTS } from './facts.js';

/**
 * What the live tables say that each block brought, in the order of heights: only blocks that brought
 * anything. Read page by page; for one moment's answer give it a transaction that sees one moment.
 */
export async function* recompute(
  db: Queryable,
  partitionId: number,
  heights: Heights,
): AsyncGenerator<BlockSum, void, void> {
  const sources = factSources(db, partitionId, heights).map(openSource);
  for (;;) {
    let height = Number.POSITIVE_INFINITY;
    for (const source of sources) {
      if (source.isDrained()) await source.refill();
      height = Math.min(height, source.height());
    }
    if (height === Number.POSITIVE_INFINITY) return;
    let sum = NO_FACTS;
    for (const source of sources) {
      if (source.height() === height) sum = addSums(sum, source.take());
    }
    yield { height, ...sum };
  }
}

/** What the live tables say that the blocks of these heights brought: only of those that brought anything. */
export async function recomputeAt(
  db: Queryable,
  partitionId: number,
  heights: readonly number[],
): Promise<Map<number, FactsSum>> {
  const sums = new Map<number, FactsSum>();
  for (const { height, ...sum } of (await factsAt(db, partitionId, heights)).flat()) {
    sums.set(height, addSums(sums.get(height) ?? NO_FACTS, sum));
  }
  return sums;
}

/** Pages as one sequence. There are millions of blocks: only a new page is waited for. */
function openSource(pages: AsyncIterator<BlockSum[], void, void>) {
  let page: readonly BlockSum[] = [];
  let at = 0;
  let isOver = false;
  return {
    isDrained: (): boolean => at >= page.length && !isOver,
    async refill(): Promise<void> {
      const next = await pages.next();
      at = 0;
      page = next.done === true ? [] : next.value;
      isOver = page.length === 0;
    },
    /** Of the next block; infinity where there are no more. */
    height: (): number => page[at]?.height ?? Number.POSITIVE_INFINITY,
    /** What it brought. */
    take: () => {
      const sum = page[at] ?? NO_FACTS;
      at += 1;
      return sum;
    },
  };
}

/** Another hand may write greater ones. */
const HEIGHT_MAX = Number.MAX_SAFE_INTEGER;
/** Blocks that are stored in one statement. */
const STORED_AT_ONCE = 5_000;

/**
 * Makes the stored digest from a height on what the live tables make of it; rows that are that already are
 * not written.
 *
 * @returns how many rows weren't
 */
export async function rewriteDigests(
  tx: Tx,
  partitionId: number,
  fromHeight: number,
  upTo: number = HEIGHT_MAX,
): Promise<number> {
  let above = fromHeight - 1;
  let changed = 0;
  let sums: BlockSum[] = [];
  const store = async (end: number): Promise<void> => {
    const heights = sums.map(({ height }) => height);
    changed += await deleteDigestsBetween(tx, partitionId, { above, upTo: end }, heights);
    changed += await appendSums(tx, partitionId, sums);
    above = end;
    sums = [];
  };
  for await (const sum of recompute(tx, partitionId, { above, upTo })) {
    sums.push(sum);
    if (sums.length === STORED_AT_ONCE) await store(sum.height);
  }
  await store(upTo);
  if (upTo < HEIGHT_MAX) return changed;
  const { rowCount } = await deleteDigestsAbove(tx, partitionId, upTo);
  return changed + (rowCount ?? 0);
}
