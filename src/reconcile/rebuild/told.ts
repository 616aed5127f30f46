import { createHash } from 'node:crypto';
import type { OutputReference } from '../../chain/block.js';

/** An output that a ledger told of: it counts above that height, and no block that was followed made it. */
export type Told = { readonly reference: OutputReference; readonly countedFrom: number };

/** One value for all that was told at a height, by heights: small enough to be saved with every block. */
export type ToldDigests = Readonly<Record<string, string>>;

/** In whatever order they are. */
export function digestTold(told: readonly Told[]): ToldDigests {
  const references = new Map<number, OutputReference[]>();
  for (const { reference, countedFrom } of told) {
    const there = references.get(countedFrom);
    if (there === undefined) references.set(countedFrom, [reference]);
    else there.push(reference);
  }
  return Object.fromEntries(
    [...references].map(([height, there]) => [
      height,
      createHash('md5').update(there.sort().join()).digest('hex'),
    ]),
  );
}

/** The lowest height at which anything else was told than is known; null where there is none. */
export function lowestNews(known: ToldDigests, told: readonly Told[]): number | null {
  const changed = Object.entries(digestTold(told)).filter(
    ([height, digest]) => known[height] !== digest,
  );
  const heights = changed.map(([height]) => Number(height));
  return heights.length === 0 ? null : Math.min(...heights);
}
