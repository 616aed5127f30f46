import type { Queryable } from '../../database/transaction.js';
import { type BlockSum, type DigestRow, NO_HEIGHT, storedDigests } from './digest-queries.js';
import { stretchOf, weightedSums, weightOf } from './fact-queries.js';
import { FIRST_DIGEST, linkDigest, MODULUS } from './facts.js';
import { recompute } from './recompute.js';

/** Heights between which (the first exclusive) digest and tables differ. */
export type Stretch = { readonly above: number; readonly upTo: number };

export type DigestCheck = {
  /** Of the last block with facts, in either of the two; -1 where there are none. */
  readonly height: number;
  readonly stored: string;
  readonly recomputed: string;
  /** How many blocks the tables have facts of. */
  readonly blocks: number;
  readonly firstDifference: { readonly height: number } | null;
  /** At most STRETCHES_MAX: the last one then goes on to the last difference. */
  readonly differing: readonly Stretch[];
};

/** Enough to say where; a digest that differs everywhere differs in one stretch. */
export const STRETCHES_MAX = 100;

/**
 * Holds the stored digest against the live tables, both up to a height. They are read in pages: for the
 * answer of one moment, while the chain is followed, give it a transaction that sees one moment.
 */
export async function checkDigest(
  db: Queryable,
  partitionId: number,
  upTo: number = Number.MAX_SAFE_INTEGER,
): Promise<DigestCheck> {
  return (
    (await checkAsAWhole(db, partitionId, upTo)) ?? (await checkByBlocks(db, partitionId, upTo))
  );
}

/** Null where anything differs: where, only the blocks tell. */
async function checkAsAWhole(
  db: Queryable,
  partitionId: number,
  upTo: number,
): Promise<DigestCheck | null> {
  const live = await weightedSums(db, partitionId, upTo);
  const sums = new Map<bigint, { facts: bigint; sum: bigint }>();
  let [height, digest, blocks] = [NO_HEIGHT, FIRST_DIGEST, 0];
  for await (const row of storedDigests(db, partitionId, upTo)) {
    if (row.facts === 0 || row.digest !== linkDigest(digest, row.height, row)) return null;
    const at = BigInt(row.height);
    const { facts, sum } = sums.get(stretchOf(at)) ?? { facts: 0n, sum: 0n };
    const weight = weightOf(at);
    sums.set(stretchOf(at), {
      facts: facts + weight * BigInt(row.facts),
      sum: sum + weight * row.sum,
    });
    [height, digest, blocks] = [row.height, row.digest, blocks + 1];
  }
  const areSame = [...sums].every(([stretch, { facts, sum }]) => {
    const known = live.get(stretch);
    return known?.facts === facts && known.sum === sum % MODULUS;
  });
  if (!areSame || sums.size !== live.size) return null;
  return {
    height,
    stored: digest,
    recomputed: digest,
    blocks,
    firstDifference: null,
    differing: [],
  };
}

async function checkByBlocks(
  db: Queryable,
  partitionId: number,
  upTo: number,
): Promise<DigestCheck> {
  const comparison = createComparison();
  const stored = storedDigests(db, partitionId, upTo);
  const lowest = Number.MIN_SAFE_INTEGER;
  const live = recompute(db, partitionId, { above: lowest, upTo });
  let row = await stored.next();
  let sum = await live.next();
  while (row.done !== true || sum.done !== true) {
    const storedAt = row.done === true ? Number.POSITIVE_INFINITY : row.value.height;
    const liveAt = sum.done === true ? Number.POSITIVE_INFINITY : sum.value.height;
    const height = Math.min(storedAt, liveAt);
    comparison.add(
      height,
      row.done !== true && storedAt === height ? row.value : null,
      sum.done !== true && liveAt === height ? sum.value : null,
    );
    if (storedAt === height) row = await stored.next();
    if (liveAt === height) sum = await live.next();
  }
  return comparison.result();
}

function createComparison() {
  let height = NO_HEIGHT;
  let stored = FIRST_DIGEST;
  let recomputed = FIRST_DIGEST;
  let blocks = 0;
  let wasSame = true;
  let first: DigestCheck['firstDifference'] = null;
  const differing: Stretch[] = [];

  const note = (above: number, upTo: number): void => {
    const last = differing.at(-1);
    const goesOn = !wasSame || differing.length >= STRETCHES_MAX;
    if (last !== undefined && goesOn) differing[differing.length - 1] = { ...last, upTo };
    else differing.push({ above, upTo });
  };
  return {
    add(at: number, row: DigestRow | null, sum: BlockSum | null): void {
      const isLinked = row === null || row.digest === linkDigest(stored, at, row);
      const isSame = isLinked && row?.facts === sum?.facts && row?.sum === sum?.sum;
      if (sum !== null) {
        const isKnown = isSame && row !== null && stored === recomputed;
        recomputed = isKnown ? row.digest : linkDigest(recomputed, at, sum);
        blocks += 1;
      }
      if (!isSame) {
        note(height, at);
        first ??= { height: at };
      }
      if (row !== null) stored = row.digest;
      wasSame = isSame;
      height = at;
    },
    result: (): DigestCheck => ({
      height,
      stored,
      recomputed,
      blocks,
      firstDifference: first,
      differing,
    }),
  };
}
