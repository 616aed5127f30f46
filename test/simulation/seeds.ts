import { afterAll, beforeAll, test } from 'vitest';
import { createTestDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/test-databases.js';
import type { Kind } from './state.js';
import { emptyTally, type Tally } from './tally.js';
import { simulate } from './world.js';

/** A slow machine needs minutes for many worlds; whoever hangs is ended all the same. */
const ONE_MS_MAX = 180_000;
const MANY_MS_MAX = 1_200_000;

/** Worlds of one kind in a database of their own, as tests. */
export function worldsOf(kind: Kind) {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await database.drop();
  });
  return {
    /** Seeds that are kept, one test each. */
    each(
      seeds: readonly number[],
      does: string,
      check: (tally: Tally, seed: number) => void,
    ): void {
      test.each(seeds)(`seed %i ${does}`, { timeout: ONE_MS_MAX }, async (seed) => {
        check(await simulate(database.pool, seed, kind), seed);
      });
    },
    /** Many of them as one test: what happened in all together says whether it proved anything. */
    many(first: number, count: number, does: string, check: (total: Tally) => void): void {
      const name = `seeds ${first} to ${first + count - 1} ${does}`;
      test(name, { timeout: MANY_MS_MAX }, async () => {
        const total = emptyTally();
        for (let seed = first; seed < first + count; seed += 1) {
          const tally = await simulate(database.pool, seed, kind);
          for (const what of Object.keys(total) as (keyof Tally)[]) total[what] += tally[what];
        }
        check(total);
      });
    },
  };
}

/** Of these, the ones that never happened: about them nothing was proven. */
export const missing = (total: Tally, names: readonly (keyof Tally)[]): (keyof Tally)[] =>
  names.filter((name) => total[name] === 0);
