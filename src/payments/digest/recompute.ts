import type { Queryable, Tx } from '../../database/transaction.js';
import { appendSums, type BlockSum, deleteDigestsAbove } from './digest-queries.js';
import { factSources, type Heights } from './fact-queries.js';
import { addSums, NO_FACTS } from './facts.js';

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

/** Blocks that are stored in one statement. */
const STORED_AT_ONCE = 5_000;

/** Makes the stored digest from a height on what the live tables make of it. */
export async function rewriteDigests(
  tx: Tx,
  partitionId: number,
  fromHeight: number,
): Promise<void> {
  const above = fromHeight - 1;
  await deleteDigestsAbove(tx, partitionId, above);
  let sums: BlockSum[] = [];
  for await (const sum of recompute(tx, partitionId, { above, upTo: Number.MAX_SAFE_INTEGER })) {
    sums.push(sum);
    if (sums.length < STORED_AT_ONCE) continue;
    await appendSums(tx, partitionId, sums);
    sums = [];
  }
  await appendSums(tx, partitionId, sums);
}
