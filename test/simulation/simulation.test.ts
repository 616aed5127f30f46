import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/test-databases.js';
import { simulate } from './world.js';

/** Seeds that once found something, in the worker or in the simulation itself. */
const REMEMBERED_SEEDS = [7, 69, 306, 3001, 3019, 21_041];
const FIRST_SEED = 1_000;
const SEEDS = 200;

describe('two instances, registrations and every fault, by seed', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await database.drop();
  });

  test.each(REMEMBERED_SEEDS)('seed %i keeps every invariant after every commit', async (seed) => {
    expect((await simulate(database.pool, seed)).commits).toBeGreaterThan(0);
  });

  test(`seeds ${FIRST_SEED} to ${FIRST_SEED + SEEDS - 1} keep every invariant after every commit`, {
    timeout: 300_000,
  }, async () => {
    const total = {
      commits: 0,
      crashes: 0,
      forks: 0,
      rollbacks: 0,
      comeBacks: 0,
      fencedOff: 0,
      registrations: 0,
    };
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
      const tally = await simulate(database.pool, seed);
      for (const what of Object.keys(total) as (keyof typeof total)[]) total[what] += tally[what];
    }
    // A simulation in which nothing happens proves nothing.
    expect(total.commits).toBeGreaterThan(20 * SEEDS);
    expect(total.crashes).toBeGreaterThan(SEEDS);
    expect(total.forks).toBeGreaterThan(SEEDS);
    expect(total.rollbacks).toBeGreaterThan(SEEDS / 2);
    expect(total.comeBacks).toBeGreaterThan(SEEDS / 2);
    expect(total.registrations).toBeGreaterThan(SEEDS);
    expect(total.fencedOff).toBeGreaterThan(SEEDS / 10);
  });
});
