import { describe, expect, test } from 'vitest';
import {
  missedAbove,
  nothingLookedFor,
  stillOpen,
  takenBack,
  type Unmatched,
} from './unmatched.js';

const behind = (watchId: string, matchedThrough: number): Unmatched => ({
  what: 'addresses',
  behind: watchId,
  matchedThrough,
});
const outputs = (from: number, matchedThrough: number): Unmatched => ({
  what: 'outputs',
  from,
  matchedThrough,
});
const NONE = new Map<string, number>();

describe('blocks have to be matched once more', () => {
  test.each<[string, readonly Unmatched[], ReadonlyMap<string, number>, number, number | null]>([
    ['nowhere, where all was looked for', [], NONE, -1, null],
    ['nowhere, where nobody was registered since', [behind('7', 9)], NONE, -1, null],
    ['nowhere, where who was counts above', [behind('7', 9)], new Map([['7', 9]]), -1, null],
    ['above where who was counts from', [behind('7', 9)], new Map([['7', 8]]), -1, 8],
    ['nowhere, where what was told counts above', [outputs(9, 9)], NONE, -1, null],
    ['above where what was told counts from', [outputs(4, 9)], NONE, -1, 4],
    [
      'above the lowest of all',
      [outputs(4, 9), behind('7', 9), outputs(5, 6)],
      new Map([['7', 3]]),
      -1,
      3,
    ],
    ['above where reading began at most', [outputs(2, 9)], NONE, 5, 5],
    ['nowhere, where none above that were matched', [outputs(2, 5)], NONE, 5, null],
    ['from the first one on, where nothing is known', [nothingLookedFor(9)], NONE, -1, -1],
  ])('%s', (_, list, countsFrom, lowest, expected) => {
    expect(missedAbove(list, countsFrom, lowest)).toBe(expected);
  });
});

test('what is matched once more isn’t missed there any more, and below it still is', () => {
  const list = [outputs(4, 9), behind('7', 9), outputs(2, 3)];
  const left = takenBack(list, 6);
  expect(left).toEqual([outputs(4, 6), behind('7', 6), outputs(2, 3)]);
  expect(takenBack(left, 4)).toEqual([behind('7', 4), outputs(2, 3)]);
  expect(takenBack(left, 20)).toEqual(left);
});

test('what no rollback reaches any more is forgotten', () => {
  expect(stillOpen([behind('1', 3), behind('2', 4), outputs(1, 9)], 3)).toEqual([
    behind('2', 4),
    outputs(1, 9),
  ]);
});
