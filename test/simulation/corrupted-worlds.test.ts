import { describe, expect } from 'vitest';
import { missing, worldsOf } from './seeds.js';

/**
 * Seeds that found something: money of the past that was healed with another block (26), repairs that
 * never ended (110, 136), one that booked twice (122), one that left the digest as another hand made it (511), and one
 * that never looked for an address in blocks that had come again (3012).
 */
const REMEMBERED = [26, 110, 122, 136, 511, 3012];
const SEEDS = 40;
/**
 * Among them one where blocks rolled back payments in the wrong names (697), and one where a repair took back money that had
 * been spent while another hand said that it was rolled back (702).
 */
const PAYING_FROM = 697;
const PAYING_SEEDS = 9;
const GUARDED_SEEDS = 13;

describe('books that another hand changes, by seed: repaired and rebuilt between crashes, forks and failovers', () => {
  const worlds = worldsOf({ corrupts: true });

  worlds.each(REMEMBERED, 'is healed', ({ corruptions, healings }) => {
    expect(corruptions).toBeGreaterThan(0);
    expect(healings).toBe(corruptions);
  });

  worlds.many(540, SEEDS, 'are healed', (total) => {
    expect(total.healings).toBe(total.corruptions);
    expect(total.corruptions).toBeGreaterThan(SEEDS / 4);
    expect(missing(total, ['crashes', 'forks', 'backfills', 'jobs', 'nightly'])).toEqual([]);
    expect(missing(total, ['roundsTelling', 'readingsHeld', 'partsHealed'])).toEqual([]);
    expect(missing(total, ['misbegun', 'policyChanges'])).toEqual([]);
    expect(missing(total, ['cursorsFound', 'cursorsPutBack', 'contradictions'])).toEqual([]);
    expect(missing(total, ['verifications', 'sealsLost', 'lossesAccepted'])).toEqual([]);
    expect(total.dryRunsTelling + total.dryRunsClean).toBeGreaterThan(0);
  });
});

describe('the same with payouts, whose payers may meet outputs and payouts that somebody made up or changed', () => {
  const worlds = worldsOf({ corrupts: true, paysOut: true });

  worlds.many(
    PAYING_FROM,
    PAYING_SEEDS,
    'pay only what was asked for, each at most once',
    (total) => {
      const asked = [
        'corruptions',
        'alterations',
        'putRight',
        'doubted',
        'contradictions',
      ] as const;
      expect(missing(total, asked)).toEqual([]);
      expect(total.payoutsConfirmed).toBeGreaterThan(PAYING_SEEDS);
    },
  );
});

describe('the same with a guard', () => {
  worldsOf({ corrupts: true, guards: true }).many(
    900,
    GUARDED_SEEDS,
    'are healed, also while the chain is held, and nothing is confirmed by that',
    (total) => {
      expect(total.healings).toBe(total.corruptions);
      expect(missing(total, ['corruptions', 'blocksHeld', 'holdsOver'])).toEqual([]);
    },
  );
});
