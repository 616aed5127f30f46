import { describe, expect, test } from 'vitest';
import type { Height, Slot, TipOrOrigin } from '../chain/point.js';
import {
  afterRollback,
  agreesWith,
  awaitsSecondSight,
  describeVerdict,
  isHeard,
  isSplit,
  judgeWitness,
  type Testimony,
  testify,
  type Verdict,
} from './judge.js';

const DEPTH = 5;
const SLOTS_A_BLOCK = 20;
const tipAt = (height: number, slot = height * SLOTS_A_BLOCK): TipOrOrigin => ({
  height: height as Height,
  slot: slot as Slot,
  id: 'ab'.repeat(32),
});
const cursor = { height: 1000, slot: 20_000 };
const oldest = { height: 500, slot: 10_000 };

describe('a witness', () => {
  test.each<[string, number | null, TipOrOrigin, Verdict]>([
    ['at our tip agrees', 1000, tipAt(1000), { type: 'agrees', common: 1000 }],
    ['a block behind agrees', 999, tipAt(999), { type: 'agrees', common: 999 }],
    ['two blocks ahead agrees', 1000, tipAt(1002), { type: 'agrees', common: 1000 }],
    ['ahead', 1000, tipAt(1040), { type: 'ahead', common: 1000, blocks: 40 }],
    ['16 blocks behind', 984, tipAt(984), { type: 'behind', common: 984, slots: 320 }],
    [
      'that hangs at a block of ours is behind however few blocks that are',
      999,
      tipAt(999, 19_000),
      { type: 'behind', common: 999, slots: 1000 },
    ],
    ['without any block', null, 'origin', { type: 'behind', common: -1, slots: 20_000 }],
    [
      'that has not got to what we know',
      null,
      tipAt(400),
      { type: 'behind', common: -1, slots: 12_000 },
    ],
    [
      'with the other block of a slot battle',
      999,
      tipAt(1000),
      { type: 'forked', common: 999, ours: 1, theirs: 1 },
    ],
    ['on another chain', 990, tipAt(994), { type: 'forked', common: 990, ours: 10, theirs: 4 }],
    [
      'that knows none of our blocks although it is as far',
      null,
      tipAt(990),
      { type: 'forked', common: 499, between: [-1, 499], ours: 501, theirs: 491 },
    ],
  ])('%s', (_, common, tip, expected) => {
    const unknown = expected.type === 'forked' ? (common ?? 499) + 1 : null;
    expect(judgeWitness({ cursor, common, unknown, oldest, tip })).toEqual(expected);
  });

  test('on a chain that parted where headers are no longer kept', () => {
    const answer = { common: 990, unknown: 996, tip: tipAt(998) };
    const verdict = judgeWitness({ cursor, oldest, ...answer });
    expect(verdict).toEqual({ ...forked(10, 8), between: [990, 995] });
    expect(describeVerdict(verdict)).toBe(
      'forked above some block from 990 to 995: 10 blocks of ours, 8 of theirs',
    );
  });
});

const forked = (
  ours: number,
  theirs: number,
  common = 990,
): Extract<Verdict, { type: 'forked' }> => ({
  type: 'forked',
  common,
  ours,
  theirs,
});
const agrees: Verdict = { type: 'agrees', common: 1000 };
const silent: Verdict = { type: 'silent', reason: 'away' };
const behind: Verdict = { type: 'behind', common: 900, slots: 2000 };

const after = (verdicts: readonly Verdict[]): Testimony =>
  verdicts.reduce<Testimony>((before, verdict) => testify(before, { verdict, on: null }), {
    verdict: silent,
    on: null,
    agreements: 0,
    fork: null,
  });

describe('a split', () => {
  test.each<[string, boolean, readonly Verdict[]]>([
    ['is two chains that grow', true, [forked(1, 1), forked(3, 2), forked(5, 4)]],
    ['is not believed at first sight', false, [forked(9, 8)]],
    ['is believed at the second', true, [forked(9, 8), forked(9, 8)]],
    ['is a minority that makes a block now and then', true, [forked(30, 1), forked(60, 2)]],
    ['is less than the depth no trouble', false, [forked(3, 3), forked(4, 4)]],
    ['is no slot battle', false, [forked(1, 1), agrees, forked(2, 2), forked(2, 2)]],
    [
      'is no node that was stopped on a block that nobody has',
      false,
      [forked(1, 1), silent, forked(20, 1), forked(40, 1), forked(90, 1)],
    ],
    ['is not told by one that is behind', false, [behind, behind, behind]],
    ['is not told by silence', false, [silent, silent, silent]],
    ['is over when it agrees', false, [forked(9, 8), forked(9, 8), agrees]],
    ['starts anew at another block', false, [forked(9, 8, 980), forked(9, 8, 990)]],
    [
      'goes on although its beginning is known less exactly, or headers are dropped',
      true,
      [
        { ...forked(9, 8, 500), between: [-1, 500] },
        { ...forked(8, 7, 501), between: [-1, 501] },
      ],
    ],
    [
      'starts anew at a block that the first one was known not to be',
      false,
      [forked(9, 8, 990), { ...forked(9, 8, 980), between: [980, 989] }],
    ],
    ['is found again behind a silence', true, [forked(6, 3), silent, forked(7, 4)]],
  ])('%s', (_, expected, verdicts) => {
    expect(isSplit(after(verdicts), DEPTH)).toBe(expected);
  });
});

test.each<[number, readonly Verdict[]]>([
  [3, [agrees, agrees, { type: 'ahead', common: 1000, blocks: 9 }]],
  [1, [agrees, silent, agrees]],
  [0, [agrees, agrees, behind]],
  [0, [agrees, forked(1, 1)]],
])('it has vouched %i times in a row', (count, verdicts) => {
  expect(after(verdicts).agreements).toBe(count);
});

test.each<[boolean, readonly Verdict[]]>([
  [true, [agrees]],
  [true, [behind]],
  [false, [silent]],
  [false, [{ type: 'ahead', common: 1000, blocks: 9 }]],
  [false, [forked(5, 4)]],
  [true, [forked(5, 4), forked(6, 5)]],
  [true, [forked(4, 4)]],
])('it said enough for a term to begin: %s', (expected, verdicts) => {
  expect(isHeard(after(verdicts), DEPTH)).toBe(expected);
});

test.each<[boolean, readonly Verdict[]]>([
  [true, [forked(5, 4)]],
  [true, [agrees, forked(5, 4)]],
  [true, [forked(5, 4), forked(5, 4), forked(6, 4, 991)]],
  [false, [forked(5, 4), forked(5, 4)]],
  [false, [forked(4, 4)]],
  [false, [forked(3, 3), forked(5, 4)]],
  [false, [silent]],
  [false, [behind]],
  [false, [forked(5, 4), silent]],
])('it is asked again at once: %s', (expected, verdicts) => {
  expect(awaitsSecondSight(after(verdicts), DEPTH)).toBe(expected);
});

test('its agreements end with the chain that they were given on', () => {
  const on = { height: 9, hash: 'aa' };
  const before = testify(after([agrees, agrees]), { verdict: agrees, on });
  expect(before).toMatchObject({ agreements: 3, on });
  expect(testify(afterRollback(before), { verdict: agrees, on })).toMatchObject({ agreements: 1 });
});

test('it tells no split of a chain that we left, and the same one of the next at first sight', () => {
  const left = afterRollback(after([forked(9, 8), forked(9, 8)]));
  expect(isSplit(left, DEPTH)).toBe(false);
  expect(isSplit(testify(left, { verdict: forked(6, 9), on: null }), DEPTH)).toBe(true);
});

test.each<[boolean, Verdict]>([
  [true, agrees],
  [true, { type: 'ahead', common: 1000, blocks: 9 }],
  [true, forked(1, 1)],
  [false, forked(5, 1)],
  [false, behind],
  [false, silent],
])('it counts as agreeing: %s', (expected, verdict) => {
  expect(agreesWith(verdict, DEPTH)).toBe(expected);
});
