import { describe, expect } from 'vitest';
import { worldsOf } from './seeds.js';

/** Seeds that once found something, in the worker or in the simulation itself. */
const REMEMBERED = [7, 69, 306, 3001, 3019, 21_041];
const SEEDS = 200;

describe('two instances, registrations and every fault, by seed', () => {
  const worlds = worldsOf({});

  worlds.each(REMEMBERED, 'keeps every invariant after every commit', ({ commits }) => {
    expect(commits).toBeGreaterThan(0);
  });

  worlds.many(1_000, SEEDS, 'keep every invariant after every commit', (total) => {
    // A simulation in which nothing happens proves nothing.
    expect(total.commits).toBeGreaterThan(20 * SEEDS);
    expect(total.crashes).toBeGreaterThan(SEEDS);
    expect(total.forks).toBeGreaterThan(SEEDS);
    expect(total.rollbacks).toBeGreaterThan(SEEDS / 4);
    expect(total.comeBacks).toBeGreaterThan(SEEDS / 4);
    expect(total.registrations).toBeGreaterThan(SEEDS);
    expect(total.policyChanges).toBeGreaterThan(SEEDS / 20);
    expect(total.fencedOff).toBeGreaterThan(SEEDS / 10);
    expect(total.seals).toBeGreaterThan(SEEDS);
    expect(total.sealsFencedOff).toBeGreaterThan(SEEDS / 10);
    expect(total.rounds).toBeGreaterThan(SEEDS / 4);
    expect(total.dryRunsOfSound).toBeGreaterThan(SEEDS / 40);
    expect(total.errandsInVain).toBeGreaterThan(SEEDS / 40);
    expect(total.readingsHeld).toBeGreaterThan(SEEDS);
  });
});
