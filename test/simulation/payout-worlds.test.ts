import { describe, expect } from 'vitest';
import { missing, worldsOf } from './seeds.js';
import type { Tally } from './tally.js';

/**
 * Seeds that once found something, or let happen what did, and what must still happen in each: a seed goes another
 * way with every draw that is added. A critical backup leaves payments out (42), two wait for each other (204), a
 * database is restored (321). Even ones restore the product's backups of what is critical.
 */
const REMEMBERED: ReadonlyMap<number, keyof Tally> = new Map([
  [42, 'leftOut'],
  [204, 'deadlocks'],
  [321, 'restores'],
]);
const SEEDS = 24;

describe('payouts, by seed: two payers, clients, a competing wallet, restored databases', () => {
  const worlds = worldsOf({ paysOut: true });

  worlds.each([...REMEMBERED.keys()], 'pays each at most once', (tally, seed) => {
    expect(missing(tally, ['requests', REMEMBERED.get(seed) ?? 'steps'])).toEqual([]);
  });

  worlds.many(300, SEEDS, 'pay each at most once, and end all', (total) => {
    expect(
      missing(total, [
        'attempts',
        'submissions',
        'badAnswers',
        'payoutsRolledBack',
        'adopted',
        'restores',
        'competitors',
        'holdsEnded',
        'leftOut',
        'filled',
        'seals',
      ]),
    ).toEqual([]);
    expect(total.payoutsConfirmed).toBeGreaterThan(5 * SEEDS);
  });
});
