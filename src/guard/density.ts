/**
 * How many blocks a healthy chain makes, and from how few on that is no chance any more. In each slot
 * somebody may make a block with probability f, whatever happened in the slots before: the number in a
 * window is binomial.
 */

/** One hour on public networks: 180 blocks expected at f = 1/20. */
export const DENSITY_WINDOW_SLOTS = 3_600;

/**
 * Slot battles and pools that are down cost a healthy chain some of its blocks, on public networks about
 * two in a hundred. The rate of false alarms is promised for one that misses five in a hundred.
 */
export const HEALTHY_SHARE = 0.95;

const FALSE_ALARMS_PER_YEAR_MAX = 0.01;
/** Slots are a second long on all public networks since Shelley. */
const SLOTS_PER_YEAR = 31_557_600;

/** P(X <= most) for X ~ Binomial(trials, p). Summed as logarithms: the first terms are below 10^-300. */
export function binomialTail(trials: number, p: number, most: number): number {
  let log = trials * Math.log1p(-p);
  let sum = 0;
  for (let successes = 0; successes <= Math.min(most, trials); successes += 1) {
    sum += Math.exp(log);
    log += Math.log((trials - successes) / (successes + 1)) + Math.log(p) - Math.log1p(-p);
  }
  return Math.min(1, sum);
}

/**
 * An upper bound for how often in a year a healthy chain looks sick. It is asked once a block, and a
 * window that ends with a block has that one for sure; windows overlap, so that alarms come in flocks
 * and the real rate is lower.
 */
export function falseAlarmsPerYear(f: number, leastBlocks: number): number {
  const p = f * HEALTHY_SHARE;
  const windows = p * SLOTS_PER_YEAR;
  return windows * binomialTail(DENSITY_WINDOW_SLOTS - 1, p, leastBlocks - 2);
}

/** The most blocks that may be asked of a window with less than one false alarm in 100 years. */
export function leastBlocksOf(f: number): number {
  let least = 1;
  while (falseAlarmsPerYear(f, least + 1) < FALSE_ALARMS_PER_YEAR_MAX) least += 1;
  return least;
}

/** Reads `1/20`, as Ogmios writes the active slots coefficient. Null where it is no share of slots. */
export function parseRatio(text: unknown): number | null {
  const [, numerator, denominator] =
    (typeof text === 'string' ? /^(\d{1,15})\/(\d{1,15})$/.exec(text) : null) ?? [];
  const ratio = Number(numerator) / Number(denominator);
  return ratio > 0 && ratio < 1 ? ratio : null;
}
