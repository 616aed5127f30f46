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
      seals: 0,
      sealsFencedOff: 0,
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
    expect(total.seals).toBeGreaterThan(SEEDS);
    expect(total.sealsFencedOff).toBeGreaterThan(SEEDS / 10);
  });
});

/** Seeds that found something: in the simulation itself (42), two that waited for each other (129), a restore that was not noticed (321); what a critical backup left out and was asked for as an address's past (304). Even ones restore the product's backups of what is critical. */
const REMEMBERED_PAYOUT_SEEDS = [42, 129, 304, 321];
const FIRST_PAYOUT_SEED = 300;
const PAYOUT_SEEDS = 24;

describe('payouts, by seed: two payers, clients, a competing wallet, restored databases', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await database.drop();
  });

  test.each(REMEMBERED_PAYOUT_SEEDS)(
    'seed %i pays each at most once',
    {
      timeout: 60_000,
    },
    async (seed) => {
      expect((await simulate(database.pool, seed, { paysOut: true })).requests).toBeGreaterThan(0);
    },
  );

  test(`seeds ${FIRST_PAYOUT_SEED} to ${FIRST_PAYOUT_SEED + PAYOUT_SEEDS - 1} pay each at most once, and end all`, {
    timeout: 300_000,
  }, async () => {
    const total = {
      attempts: 0,
      submissions: 0,
      badAnswers: 0,
      payoutsConfirmed: 0,
      payoutsRolledBack: 0,
      adopted: 0,
      restores: 0,
      competitors: 0,
      holdsEnded: 0,
      leftOut: 0,
      filled: 0,
      seals: 0,
    };
    for (let seed = FIRST_PAYOUT_SEED; seed < FIRST_PAYOUT_SEED + PAYOUT_SEEDS; seed += 1) {
      const tally = await simulate(database.pool, seed, { paysOut: true });
      for (const what of Object.keys(total) as (keyof typeof total)[]) total[what] += tally[what];
    }
    // Each of these must have happened, or nothing was proven about it.
    for (const [what, count] of Object.entries(total))
      expect([what, count > 0]).toEqual([what, true]);
    expect(total.payoutsConfirmed).toBeGreaterThan(5 * PAYOUT_SEEDS);
  });
});

/** Seeds that found something: money of the past that was healed with another block (26, 105), repairs that never ended (110, 136), one that booked twice (122), one that left the digest as another hand made it (511). */
const REMEMBERED_CORRUPTION_SEEDS = [26, 105, 110, 122, 136, 511];
const FIRST_CORRUPTION_SEED = 500;
const CORRUPTION_SEEDS = 40;
/** With payouts besides: a payer may meet a wallet whose outputs somebody made up. */
const FIRST_PAYING_SEED = 700;
const PAYING_SEEDS = 8;

describe('books that another hand changes, by seed: repaired and rebuilt between crashes, forks and failovers', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await database.drop();
  });

  test.each(REMEMBERED_CORRUPTION_SEEDS)('seed %i is healed', { timeout: 60_000 }, async (seed) => {
    const { corruptions, healings } = await simulate(database.pool, seed, { corrupts: true });
    expect(healings).toBe(corruptions);
  });

  test(`seeds ${FIRST_CORRUPTION_SEED} to ${FIRST_CORRUPTION_SEED + CORRUPTION_SEEDS - 1} are healed`, {
    timeout: 600_000,
  }, async () => {
    const total = {
      corruptions: 0,
      healings: 0,
      crashes: 0,
      forks: 0,
      backfills: 0,
      jobs: 0,
      seals: 0,
    };
    for (
      let seed = FIRST_CORRUPTION_SEED;
      seed < FIRST_CORRUPTION_SEED + CORRUPTION_SEEDS;
      seed += 1
    ) {
      const tally = await simulate(database.pool, seed, { corrupts: true });
      for (const what of Object.keys(total) as (keyof typeof total)[]) total[what] += tally[what];
    }
    expect(total.healings).toBe(total.corruptions);
    expect(total.corruptions).toBeGreaterThan(CORRUPTION_SEEDS / 4);
    for (const what of ['crashes', 'forks', 'backfills', 'jobs'] as const) {
      expect([what, total[what] > 0]).toEqual([what, true]);
    }
  });

  test(`seeds ${FIRST_PAYING_SEED} to ${FIRST_PAYING_SEED + PAYING_SEEDS - 1} pay each at most once meanwhile`, {
    timeout: 300_000,
  }, async () => {
    const total = { corruptions: 0, payoutsConfirmed: 0 };
    for (let seed = FIRST_PAYING_SEED; seed < FIRST_PAYING_SEED + PAYING_SEEDS; seed += 1) {
      const tally = await simulate(database.pool, seed, { paysOut: true, corrupts: true });
      for (const what of Object.keys(total) as (keyof typeof total)[]) total[what] += tally[what];
    }
    expect(total.corruptions).toBeGreaterThan(0);
    expect(total.payoutsConfirmed).toBeGreaterThan(PAYING_SEEDS);
  });
});

const FIRST_GUARD_SEED = 700;
const GUARD_SEEDS = 40;
const GUARD_PAYOUT_SEEDS = 6;

describe('a chain that may not last, by seed: witnesses that part and come back, deep rollbacks, people who let pass', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await database.drop();
  });

  test(`seeds ${FIRST_GUARD_SEED} to ${FIRST_GUARD_SEED + GUARD_SEEDS - 1} confirm nothing while the chain is held, and everything after`, {
    timeout: 600_000,
  }, async () => {
    const total = {
      splits: 0,
      joins: 0,
      splitsHeld: 0,
      rollbacksHeld: 0,
      blocksHeld: 0,
      holdsOver: 0,
      letPass: 0,
      guardCrashes: 0,
      guardFailures: 0,
      fencedOff: 0,
    };
    for (let seed = FIRST_GUARD_SEED; seed < FIRST_GUARD_SEED + GUARD_SEEDS; seed += 1) {
      const tally = await simulate(database.pool, seed, { guards: true });
      for (const what of Object.keys(total) as (keyof typeof total)[]) total[what] += tally[what];
    }
    // Each of these must have happened, or nothing was proven about it.
    for (const [what, count] of Object.entries(total))
      expect([what, count > 0]).toEqual([what, true]);
    expect(total.blocksHeld).toBeGreaterThan(GUARD_SEEDS);
  });

  test(`seeds 1 to ${GUARD_PAYOUT_SEEDS} sign nothing while the chain is held, and pay each in the end`, {
    timeout: 300_000,
  }, async () => {
    const total = { blocksHeld: 0, splitsHeld: 0, attempts: 0, payoutsConfirmed: 0 };
    for (let seed = 1; seed <= GUARD_PAYOUT_SEEDS; seed += 1) {
      const tally = await simulate(database.pool, seed, { guards: true, paysOut: true });
      for (const what of Object.keys(total) as (keyof typeof total)[]) total[what] += tally[what];
    }
    for (const [what, count] of Object.entries(total))
      expect([what, count > 0]).toEqual([what, true]);
  });
});
