/**
 * Which stored points to offer a node. Dense near the tip, where forks happen; then exponentially
 * further back, through the rollback window and, by checkpoints, beyond it: a node that is far behind
 * still has one of those, so that it can be told from a node of another network.
 */
const DENSE_BLOCKS = 10;

/** Heights to look up below and including `height`, newest first; at most about 20. */
export function offeredHeights(height: number, windowBlocks: number): number[] {
  const heights: number[] = [];
  for (let back = 0; back < DENSE_BLOCKS; back += 1) heights.push(height - back);
  for (let back = DENSE_BLOCKS; back < windowBlocks; back *= 2) heights.push(height - back);
  heights.push(height - windowBlocks);
  return heights.filter((candidate) => candidate >= 0);
}

/** Heights strictly between two others, evenly spread, newest first; at least one where there is one. */
export function spreadBetween(low: number, high: number, most: number): number[] {
  const step = Math.max(1, Math.ceil((high - low) / (most + 1)));
  const heights: number[] = [];
  for (let height = high - step; height > low; height -= step) heights.push(height);
  return heights;
}

/** Every CHECKPOINT_INTERVAL_BLOCKS-th header outlives the window: some 12,000 rows for all of mainnet. */
export const CHECKPOINT_INTERVAL_BLOCKS = 1000;

/** From checkpoints sorted newest first, the 1st, 2nd, 4th, 8th … and the oldest. */
export function thinOut<T>(newestFirst: readonly T[]): T[] {
  const chosen: T[] = [];
  for (let position = 1; position < newestFirst.length; position *= 2) {
    const point = newestFirst[position - 1];
    if (point !== undefined) chosen.push(point);
  }
  const oldest = newestFirst.at(-1);
  return oldest === undefined ? chosen : [...chosen, oldest];
}
