import { describe, expect } from 'vitest';
import { missing, worldsOf } from './seeds.js';

const SEEDS = 40;
const PAYING_SEEDS = 6;

describe('a chain that may not last, by seed: witnesses that part and come back, deep rollbacks, people who let pass', () => {
  worldsOf({ guards: true }).many(
    700,
    SEEDS,
    'confirm nothing while the chain is held, and everything after',
    (total) => {
      expect(
        missing(total, [
          'splits',
          'joins',
          'splitsHeld',
          'rollbacksHeld',
          'holdsOver',
          'letPass',
          'releasesTakenBack',
          'guardCrashes',
          'guardFailures',
          'fencedOff',
        ]),
      ).toEqual([]);
      expect(total.blocksHeld).toBeGreaterThan(SEEDS);
    },
  );
});

describe('the same with payouts', () => {
  worldsOf({ guards: true, paysOut: true }).many(
    1,
    PAYING_SEEDS,
    'sign nothing while the chain is held, and pay each in the end',
    (total) => {
      expect(missing(total, ['blocksHeld', 'splitsHeld', 'attempts', 'payoutsConfirmed'])).toEqual(
        [],
      );
    },
  );
});
