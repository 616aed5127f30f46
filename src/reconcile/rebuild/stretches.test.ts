import { expect, test } from 'vitest';
import { blockAt, collectStretches, joinStretches, STRETCHES_MAX } from './stretches.js';

test('stretches that touch or overlap become one, in the order of heights', () => {
  expect(
    joinStretches([blockAt(9), { above: 1, upTo: 5 }, blockAt(4), blockAt(6), blockAt(9)]),
  ).toEqual([
    { above: 1, upTo: 6 },
    { above: 8, upTo: 9 },
  ]);
  expect(joinStretches([{ above: 7, upTo: 7 }])).toEqual([]);
});

test('where there are too many those that lie closest are joined, and none is lost', () => {
  const blocks = [1, 3, 10, 30, 32, 34, 100].map(blockAt);
  expect(joinStretches(blocks, 3)).toEqual([
    { above: 0, upTo: 10 },
    { above: 29, upTo: 34 },
    { above: 99, upTo: 100 },
  ]);
  expect(joinStretches(blocks, 1)).toEqual([{ above: 0, upTo: 100 }]);
});

test('any number of blocks is collected into a bounded number of stretches that hold all of them', () => {
  const found = collectStretches();
  const heights = Array.from({ length: 5_000 }, (_, at) => (at * 7919) % 100_003);
  for (const height of heights) found.add([blockAt(height)]);
  const stretches = found.result();
  expect(stretches.length).toBeLessThanOrEqual(STRETCHES_MAX);
  const isHeld = (height: number) =>
    stretches.some(({ above, upTo }) => height > above && height <= upTo);
  expect(heights.filter((height) => !isHeld(height))).toEqual([]);
});
