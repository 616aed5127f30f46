import type { DigestRow } from '../../payments/digest/digest-queries.js';
import { type FactsSum, linkDigest } from '../../payments/digest/facts.js';
import type { Stretch } from './proven-queries.js';

/** What is known of a digest that is to be linked again. */
export type DigestCorrection = {
  /** What these blocks brought instead of what is stored of them; nothing where they brought nothing. */
  readonly blocks: ReadonlyMap<number, FactsSum>;
  /** Here each block's facts were held against the chain, though what is stored doesn't hang together. */
  readonly proven: readonly Stretch[];
};

/** A row as it is to be stored; null where there is to be none. */
export type Relinked = { readonly height: number; readonly row: DigestRow | null };

/**
 * Rows of the digest that become others. All other blocks keep what they brought: nobody looked at their rows
 * since they were compared. Where nobody proved what doesn't hang together either, the chain stays broken, and
 * goes on being told: if no row is above that shows it, then by the row itself, whatever is left of its block.
 *
 * @param digest as it is stored right below the first of `stored`
 */
export async function* relink(
  digest: string,
  stored: AsyncIterable<DigestRow> | Iterable<DigestRow>,
  { blocks, proven }: DigestCorrection,
): AsyncGenerator<Relinked, void, void> {
  const owed = [...blocks].filter(([, sum]) => sum.facts > 0).sort(([a], [b]) => a - b);
  let next = 0;
  let [before, after] = [digest, digest];
  let broken: number | null = null;
  const dropBroken = function* (): Generator<Relinked> {
    if (broken !== null) yield { height: broken, row: null };
    broken = null;
  };
  const added = function* (below: number): Generator<Relinked> {
    for (let one = owed[next]; one !== undefined && one[0] < below; one = owed[next]) {
      next += 1;
      yield* dropBroken();
      const [height, sum] = one;
      after = linkDigest(after, height, sum);
      yield { height, row: { height, ...sum, digest: after } };
    }
  };
  for await (const row of stored) {
    const { height } = row;
    yield* added(height);
    if (owed[next]?.[0] === height) next += 1;
    const sum = blocks.get(height) ?? row;
    const isBroken = row.digest !== linkDigest(before, height, row) && !isWithin(height, proven);
    before = row.digest;
    if (isBroken) after = row.digest;
    else if (sum.facts > 0) after = linkDigest(after, height, sum);
    if (isBroken || sum.facts > 0) yield* dropBroken();
    if (sum.facts === 0) {
      if (isBroken) broken = height;
      else yield { height, row: null };
      continue;
    }
    const isOther = after !== row.digest || sum.sum !== row.sum || sum.facts !== row.facts;
    if (isOther) yield { height, row: { height, facts: sum.facts, sum: sum.sum, digest: after } };
  }
  yield* added(Number.POSITIVE_INFINITY);
}

const isWithin = (height: number, stretches: readonly Stretch[]): boolean =>
  stretches.some(({ above, upTo }) => height > above && height <= upTo);
