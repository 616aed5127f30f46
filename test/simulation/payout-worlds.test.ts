import { describe, expect } from 'vitest';
import { missing, worldsOf } from './seeds.js';

/**
 * Seeds that found something: in the simulation itself (42, 204), two that waited for each other (129), what a
 * critical backup left out and was asked for as an address's past (304), a restore that was not noticed (321).
 * Even ones restore the product's backups of what is critical.
 */
const REMEMBERED = [42, 129, 204, 304, 321];
const SEEDS = 24;

describe('payouts, by seed: two payers, clients, a competing wallet, restored databases', () => {
  const worlds = worldsOf({ paysOut: true });

  worlds.each(REMEMBERED, 'pays each at most once', ({ requests }) => {
    expect(requests).toBeGreaterThan(0);
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
