import { describe, expect } from 'vitest';
import { missing, worldsOf } from './seeds.js';

/**
 * Seeds that once found something. Even ones restore the product's backups of what is critical, every second odd
 * one (3 modulo 4) those of everything, and the others copies.
 */
const REMEMBERED = [42, 204, 321];
const SEEDS = 40;

describe('payouts, by seed: two payers, clients, a competing wallet, restored databases', () => {
  const worlds = worldsOf({ paysOut: true });

  worlds.each(REMEMBERED, 'pays each at most once', (tally) => {
    expect(missing(tally, ['requests', 'payoutsConfirmed'])).toEqual([]);
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
        'deadlocks',
        'competitors',
        'holdsEnded',
        'seals',
      ]),
    ).toEqual([]);
    expect(total.payoutsConfirmed).toBeGreaterThan(5 * SEEDS);
  });
});
