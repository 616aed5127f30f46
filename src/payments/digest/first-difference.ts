import type { DigestAt } from './digest-queries.js';
import { FIRST_DIGEST } from './facts.js';

/**
 * The lowest height at which two digest chains differ, by bisection: from there on all their digests do.
 * Null where they are the same.
 *
 * @param a rows of blocks that have facts, in the order of heights; as is `b`
 */
export function firstDifference(
  a: readonly DigestAt[],
  b: readonly DigestAt[],
): { readonly height: number } | null {
  const heights = [...new Set([...a, ...b].map(({ height }) => height))].sort((x, y) => x - y);
  const differsAt = (height: number): boolean => digestAt(a, height) !== digestAt(b, height);
  const index = firstWhere(heights.length, (position) => differsAt(heights[position] ?? 0));
  const height = heights[index];
  return height === undefined ? null : { height };
}

function digestAt(chain: readonly DigestAt[], height: number): string {
  const above = firstWhere(chain.length, (position) => (chain[position]?.height ?? 0) > height);
  return chain[above - 1]?.digest ?? FIRST_DIGEST;
}

/** The first position that holds, where all after one that holds do as well; the length where none does. */
function firstWhere(length: number, holds: (position: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
