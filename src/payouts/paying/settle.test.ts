import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AttemptFacts, type ChainFacts, isDead, type Step, settle } from './settle.js';

const NOW = new Date('2026-11-21T08:00:00Z');
const ago = (ms: number): Date => new Date(NOW.getTime() - ms);

/** The bound is at slot 1000, k blocks below stand height 100 and slot 500. */
const CHAIN: ChainFacts = { slot: 900, deepHeight: 100, deepSlot: 500, now: NOW };

/** Signed, submitted, waiting to be taken; not due before its time has come again. */
const LIVE: AttemptFacts = {
  txHash: 'a',
  invalidHereafter: 1_000,
  hasBytes: true,
  refused: false,
  inBlock: false,
  paysOpen: true,
  lostInputHeight: null,
  missesInput: false,
  nextSubmissionAt: new Date(NOW.getTime() + 1),
  createdAt: NOW,
};

const DUE = { nextSubmissionAt: NOW };
const DEAD = { invalidHereafter: 500 };
const REFUSED = { refused: true };
/** Long enough ago for any rest to be over. */
const OLD = { createdAt: ago(600_000) };
const WAIT: Step = { type: 'wait' };
const STRAND: Step = { type: 'strand' };
const REBUILD: Step = { type: 'rebuild' };
const RELEASE: Step = { type: 'release', refused: false };
const RELEASE_REFUSED: Step = { type: 'release', refused: true };
const submit = (txHash = 'a'): Step => ({ type: 'submit', txHash });

type Given = {
  readonly attempts: readonly Partial<AttemptFacts>[];
  readonly chain?: Partial<ChainFacts>;
  /** What to do while the anchor is unspent, and while it is spent. */
  readonly steps: readonly [whileSpendable: Step, whileSpent: Step];
};

const both = (step: Step): readonly [Step, Step] => [step, step];
const lostAt = (lostInputHeight: number) => ({ lostInputHeight, ...OLD });

const SITUATIONS: Readonly<Record<string, Given>> = {
  'a live attempt that isn’t due waits': { attempts: [LIVE], steps: both(WAIT) },
  'a live attempt is submitted at the very moment it is due': {
    attempts: [DUE],
    steps: both(submit()),
  },
  'an adopted attempt without a bound, but with bytes, can land for ever': {
    attempts: [{ ...DUE, invalidHereafter: null }],
    chain: { slot: 1_000_000, deepSlot: 999_000 },
    steps: both(submit()),
  },
  'in the last slot before its bound it is still submitted': {
    attempts: [DUE],
    chain: { slot: 999 },
    steps: both(submit()),
  },
  'at exactly its bound it has expired and is replaced without a rest': {
    attempts: [DUE],
    chain: { slot: 1_000 },
    steps: [REBUILD, STRAND],
  },
  'what was refused isn’t submitted again and rests before it is replaced': {
    attempts: [{ ...DUE, ...REFUSED }],
    steps: both(STRAND),
  },
  'what was refused long ago is replaced': {
    attempts: [{ ...REFUSED, ...OLD }],
    steps: [REBUILD, STRAND],
  },
  'refused and expired, but not by k blocks: it may still land in another chain': {
    attempts: [{ ...REFUSED, invalidHereafter: 501 }],
    chain: { slot: 1_000 },
    steps: [REBUILD, STRAND],
  },
  'an input lost above the deep height may come back': {
    attempts: [lostAt(101)],
    steps: [REBUILD, STRAND],
  },
  'an input lost at exactly the deep height is lost for good': {
    attempts: [lostAt(100)],
    steps: both(RELEASE),
  },
  'an input lost below the deep height is lost for good': {
    attempts: [lostAt(99)],
    steps: both(RELEASE),
  },
  'a missing input is another attempt’s reason while the anchor can be spent': {
    attempts: [{ ...DUE, ...OLD, missesInput: true }],
    steps: [REBUILD, submit()],
  },
  'a missing input is waited for during the rest': {
    attempts: [{ ...DUE, missesInput: true }],
    steps: both(submit()),
  },
  'adopted without bytes: it can’t be submitted, and isn’t dead for that': {
    attempts: [{ ...DUE, hasBytes: false }],
    steps: both(STRAND),
  },
  'adopted without bytes and without a bound: it never dies of time': {
    attempts: [{ hasBytes: false, invalidHereafter: null, ...OLD }],
    chain: { slot: 1_000_000, deepSlot: 999_000 },
    steps: [REBUILD, STRAND],
  },
  'the bound has passed by k blocks when the block there is at exactly its slot': {
    attempts: [DEAD],
    steps: both(RELEASE),
  },
  'one slot before that it hasn’t': {
    attempts: [{ invalidHereafter: 501 }],
    chain: { slot: 2_000 },
    steps: [REBUILD, STRAND],
  },
  'a chain shorter than k lets nothing die of time': {
    attempts: [{ invalidHereafter: 10 }],
    chain: { deepSlot: null },
    steps: [REBUILD, STRAND],
  },
  'all attempts dead and refused: one of the payouts may be what nodes refuse': {
    attempts: [
      { ...DEAD, ...REFUSED },
      { ...DEAD, ...REFUSED },
    ],
    steps: both(RELEASE_REFUSED),
  },
  'one of the dead attempts wasn’t refused: nothing is held against the payouts': {
    attempts: [{ ...DEAD, ...REFUSED }, DEAD],
    steps: both(RELEASE),
  },
  'one of several attempts isn’t dead: nothing is released': {
    attempts: [DEAD, { invalidHereafter: 501 }],
    chain: { slot: 2_000 },
    steps: [REBUILD, STRAND],
  },
  'the newest live attempt is the one that is submitted': {
    attempts: [
      { ...DUE, txHash: 'older' },
      { ...DUE, txHash: 'newer' },
    ],
    steps: both(submit('newer')),
  },
  'where the newest was refused, an older one that can land is submitted': {
    attempts: [
      { ...DUE, txHash: 'older' },
      { ...DUE, ...REFUSED, txHash: 'newer' },
    ],
    steps: both(submit('older')),
  },
  'attempts in a block, or whose payouts all are, count for nothing': {
    attempts: [DEAD, { inBlock: true }, { paysOpen: false }],
    steps: both(RELEASE),
  },
  'nothing was signed that could pay what is open': {
    attempts: [{ inBlock: true }],
    steps: both(RELEASE),
  },
};

describe('what is to be done with a batch', () => {
  test.each(Object.entries(SITUATIONS))('%s', (_, { attempts, chain, steps }) => {
    const facts = attempts.map((attempt) => ({ ...LIVE, ...attempt }));
    const at = { ...CHAIN, ...chain };
    const told = [true, false].map((anchorSpendable) =>
      settle({ owes: true, anchorSpendable, attempts: facts }, at),
    );
    expect(told).toEqual(steps);
  });

  test.each([
    [1, 5_000],
    [2, 10_000],
    [3, 20_000],
    [7, 320_000],
  ])('after %i refused attempts the next one comes %i ms after the last', (count, rest) => {
    const given = (createdAt: Date) => ({
      owes: true,
      anchorSpendable: true,
      attempts: Array.from({ length: count }, () => ({ ...LIVE, refused: true, createdAt })),
    });
    expect(settle(given(ago(rest - 1)), CHAIN)).toEqual(STRAND);
    expect(settle(given(ago(rest)), CHAIN)).toEqual(REBUILD);
  });

  test.each([8, 40])('%i attempts that were all refused are left to die', (count) => {
    const refused = Array.from({ length: count }, () => ({ ...LIVE, ...REFUSED, ...OLD }));
    const batch = { owes: true, anchorSpendable: true };
    expect(settle({ ...batch, attempts: refused }, CHAIN)).toEqual(STRAND);
    // One that ran out of time without a word against it isn't such a one.
    const expired = { ...LIVE, ...OLD, invalidHereafter: 900 };
    expect(settle({ ...batch, attempts: [expired, ...refused] }, CHAIN)).toEqual(REBUILD);
  });

  test.each<[string, readonly Partial<AttemptFacts>[], Step]>([
    ['is let go once all that was signed for it is dead', [DEAD, { ...DEAD, ...REFUSED }], RELEASE],
    ['waits while something of it may land, and submits nothing', [DEAD, DUE], WAIT],
    ['waits whatever pays nobody any more', [{ ...DUE, paysOpen: false }], WAIT],
  ])('a batch that owes nothing %s', (_, attempts, step) => {
    const facts = attempts.map((attempt) => ({ ...LIVE, ...attempt }));
    for (const anchorSpendable of [true, false]) {
      expect(settle({ owes: false, anchorSpendable, attempts: facts }, CHAIN)).toEqual(step);
    }
  });
});

describe('whatever the facts are', () => {
  const attempt: fc.Arbitrary<AttemptFacts> = fc.record({
    txHash: fc.string({ minLength: 1, maxLength: 2 }),
    invalidHereafter: fc.option(fc.integer({ min: 0, max: 40 })),
    hasBytes: fc.boolean(),
    refused: fc.boolean(),
    inBlock: fc.boolean(),
    paysOpen: fc.boolean(),
    lostInputHeight: fc.option(fc.integer({ min: 0, max: 40 })),
    missesInput: fc.boolean(),
    nextSubmissionAt: fc.integer({ min: -1_000, max: 1_000 }).map(ago),
    createdAt: fc.integer({ min: 0, max: 1_000_000 }).map(ago),
  });
  const batch = fc.record({
    owes: fc.boolean(),
    anchorSpendable: fc.boolean(),
    attempts: fc.array(attempt, { maxLength: 4 }),
  });
  const chain: fc.Arbitrary<ChainFacts> = fc.record({
    slot: fc.integer({ min: 20, max: 40 }),
    deepHeight: fc.integer({ min: -5, max: 40 }),
    deepSlot: fc.option(fc.integer({ min: 0, max: 20 })),
    now: fc.constant(NOW),
  });
  const always = (holds: (step: Step, given: Parameters<typeof settle>) => void): void =>
    fc.assert(
      fc.property(batch, chain, (one, at) => holds(settle(one, at), [one, at])),
      { numRuns: 2_000, seed: 1 },
    );

  test('another attempt is built only where the anchor can be spent', () => {
    always((step, [{ owes, anchorSpendable }]) => {
      if (step.type === 'rebuild') expect([owes, anchorSpendable]).toEqual([true, true]);
    });
  });

  test('payouts are released only when every attempt that could pay them is dead', () => {
    always((step, [{ owes, attempts }, at]) => {
      const open = owes ? attempts.filter((one) => !one.inBlock && one.paysOpen) : attempts;
      if (step.type === 'release') expect(open.filter((one) => !isDead(one, at))).toEqual([]);
    });
  });

  test('only what can land on this chain is submitted, and nothing before it is due', () => {
    always((step, [{ attempts }, { slot, now }]) => {
      if (step.type !== 'submit') return;
      const able = attempts.filter(
        (one) =>
          one.txHash === step.txHash &&
          !one.inBlock &&
          one.hasBytes &&
          !one.refused &&
          one.lostInputHeight === null &&
          slot < (one.invalidHereafter ?? Number.POSITIVE_INFINITY) &&
          one.nextSubmissionAt <= now,
      );
      expect(able).not.toEqual([]);
    });
  });

  test('what is dead stays dead while the chain grows', () => {
    fc.assert(
      fc.property(attempt, chain, fc.nat(20), fc.nat(20), (one, at, blocks, slots) => {
        const later = {
          deepHeight: at.deepHeight + blocks,
          deepSlot: at.deepSlot === null ? null : at.deepSlot + slots,
        };
        if (isDead(one, at)) expect(isDead(one, later)).toBe(true);
      }),
      { seed: 1 },
    );
  });
});
