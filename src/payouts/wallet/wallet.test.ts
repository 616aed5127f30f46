import { describe, expect, test } from 'vitest';
import { planTidying } from './tidying-plan.js';
import { type Holding, hoursLeft, judgeHoldings, tallyHoldings } from './wallet.js';

const ADA = 1_000_000n;
const KNOWN = 'ab'.repeat(28);
const UNINVITED = 'cd'.repeat(28);
let made = 0;

const holding = (ada: bigint, more: Partial<Holding> = {}): Holding => {
  made += 1;
  return {
    reference: `${made.toString(16).padStart(64, '0')}#0`,
    lovelace: ada * ADA,
    assets: new Map(),
    hasScript: false,
    blockHeight: 5,
    reserved: null,
    ...more,
  };
};
const reserved = { batchId: '1', kind: 'payout', txHash: null } as const;
const judged = (...holdings: Holding[]) => judgeHoldings(holdings, new Set([KNOWN]));
const spent = (plan: ReturnType<typeof planTidying>): bigint[] | string =>
  'problem' in plan ? plan.problem : plan.outputs.map(({ lovelace }) => lovelace / ADA);

describe('what the wallet holds', () => {
  test('is spendable, reserved or quarantined, and adds up', () => {
    const holdings = judged(
      holding(10n),
      holding(20n, { reserved }),
      holding(40n, { assets: new Map([[UNINVITED, 1n]]) }),
      holding(80n, { assets: new Map([[KNOWN, 1n]]) }),
      holding(160n, { hasScript: true, reserved }),
    );
    expect(holdings.map(({ state, quarantine }) => [state, quarantine])).toEqual([
      ['spendable', null],
      ['reserved', null],
      ['quarantined', 'unknown_token'],
      ['spendable', null],
      ['reserved', 'reference_script'],
    ]);
    expect(tallyHoldings(holdings)).toEqual({
      outputs: 5,
      spendableOutputs: 2,
      lovelace: 310n * ADA,
      spendable: 90n * ADA,
      reserved: 180n * ADA,
      quarantined: 40n * ADA,
    });
  });

  test('lasts as long as the last day says, without what is quarantined', () => {
    const totals = tallyHoldings(
      judged(holding(100n), holding(900n, { assets: new Map([[UNINVITED, 1n]]) })),
    );
    expect(hoursLeft(totals, 48n * ADA)).toBe(50);
    expect(hoursLeft(totals, 7_200n * ADA)).toBe(0.3);
    expect(hoursLeft(totals, 0n)).toBeNull();
  });
});

describe('gathering', () => {
  const merge = (mostInputs: number, quarantinedToo: boolean, ...holdings: Holding[]) =>
    spent(planTidying(judged(...holdings), { type: 'consolidate', mostInputs, quarantinedToo }));
  const odd = () => holding(2n, { assets: new Map([[UNINVITED, 1n]]) });

  test('takes the smallest that may be spent', () => {
    const taken = holding(1n, { reserved });
    expect(merge(2, false, holding(9n), holding(3n), taken, odd(), holding(5n))).toEqual([3n, 5n]);
    expect(merge(9, true, holding(9n), taken, odd())).toEqual([2n, 9n]);
  });

  test('of one output is nothing', () => {
    expect(merge(9, false, holding(9n), odd())).toContain('it takes two');
  });
});

describe('dividing', () => {
  const split = (pieces: number, ...holdings: Holding[]) =>
    spent(planTidying(judged(...holdings), { type: 'split', pieces }));

  test('takes as few of the largest as hold enough, tokens last', () => {
    const tokens = holding(9_000n, { assets: new Map([[KNOWN, 1n]]) });
    expect(split(5, tokens, holding(300n), holding(50n), holding(400n))).toEqual([400n, 300n]);
    expect(split(20, tokens, holding(300n))).toEqual([300n, 9_000n]);
  });

  test('says how many there can be where that is fewer', () => {
    expect(split(5, holding(400n))).toContain('at most 3 can be made');
    expect(split(5, holding(101n))).not.toContain('at most');
    expect(split(2, holding(1n))).toContain('too little to spend');
  });

  test('does not spend as many as it would make', () => {
    expect(split(2, holding(110n), holding(110n))).toContain('there are enough already');
  });
});
