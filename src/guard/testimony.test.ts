import { describe, expect, test } from 'vitest';
import { agrees, ahead, behind, forked, silent } from '../../test/support/verdicts.js';
import type { Verdict } from './judge.js';
import {
  afterRollback,
  awaitsSecondSight,
  isHeard,
  isSplit,
  type Testimony,
  testify,
  whatStands,
} from './testimony.js';

const DEPTH = 5;
const NOWHERE = { on: null, lacks: null };

const hearing = (verdicts: readonly Verdict[]): Testimony =>
  verdicts.reduce<Testimony>((before, verdict) => testify(before, { verdict, ...NOWHERE }), {
    verdict: silent,
    ...NOWHERE,
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
    expect(isSplit(hearing(verdicts), DEPTH)).toBe(expected);
  });
});

test.each<[number, readonly Verdict[]]>([
  [3, [agrees, agrees, ahead]],
  [1, [agrees, silent, agrees]],
  [0, [agrees, agrees, behind]],
  [0, [agrees, forked(1, 1)]],
])('it has vouched %i times in a row', (count, verdicts) => {
  expect(hearing(verdicts).agreements).toBe(count);
});

test.each<[boolean, readonly Verdict[]]>([
  [true, [agrees]],
  [true, [behind]],
  [false, [silent]],
  [false, [ahead]],
  [false, [forked(5, 4)]],
  [true, [forked(5, 4), forked(6, 5)]],
  [true, [forked(4, 4)]],
])('it said enough for a term to begin: %s', (expected, verdicts) => {
  expect(isHeard(hearing(verdicts), DEPTH)).toBe(expected);
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
  expect(awaitsSecondSight(hearing(verdicts), DEPTH)).toBe(expected);
});

test('its agreements end with the chain that they were given on', () => {
  const on = { height: 9, hash: 'aa' };
  const before = testify(hearing([agrees, agrees]), { verdict: agrees, on, lacks: null });
  expect(before).toMatchObject({ agreements: 3, on });
  expect(testify(afterRollback(before), { verdict: agrees, on, lacks: null })).toMatchObject({
    agreements: 1,
  });
});

test('it tells no split of a chain that we left, and the same one of the next at first sight', () => {
  const left = afterRollback(hearing([forked(9, 8), forked(9, 8)]));
  expect(isSplit(left, DEPTH)).toBe(false);
  expect(isSplit(testify(left, { verdict: forked(6, 9), ...NOWHERE }), DEPTH)).toBe(true);
});

describe('what it said of a block of ours that was replaced', () => {
  const at = (height: number) => ({ height, hash: height.toString() });
  const said = (ours: number): Testimony => ({
    ...hearing([forked(ours, 8), forked(ours, 8)]),
    on: at(990 + ours),
    lacks: at(991),
  });
  const chain = (height: number, ...hashes: number[]) => ({
    height,
    ours: new Set(hashes.map((hash) => hash.toString())),
  });

  test('still tells the split below it that stands', () => {
    const left = whatStands(said(9), chain(998, 991));
    expect(left.verdict).toEqual(forked(8, 8));
    expect(isSplit(left, DEPTH)).toBe(true);
  });

  test('tells no split of fewer blocks than that takes', () => {
    expect(isSplit(whatStands(said(5), chain(995, 991)), DEPTH)).toBe(true);
    expect(isSplit(whatStands(said(5), chain(994, 991)), DEPTH)).toBe(false);
  });

  test('tells nothing of a chain on which no block is that it lacked', () => {
    const left = whatStands(said(9), chain(999));
    expect(left).toMatchObject({ verdict: { type: 'silent' }, agreements: 0 });
    const agreed = { ...hearing([agrees]), on: at(1000) };
    expect(whatStands(agreed, chain(1000))).toMatchObject({ verdict: { type: 'silent' } });
  });

  test('is untouched while that block is ours', () => {
    expect(whatStands(said(9), chain(1003, 999, 991))).toEqual(said(9));
  });
});
