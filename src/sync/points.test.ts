import { describe, expect, test } from 'vitest';
import { offeredHeights, spreadBetween, thinOut } from './points.js';

describe('offered heights', () => {
  test('are dense near the tip, then twice as far back each, down to the window', () => {
    expect(offeredHeights(10_000, 2160).map((height) => 10_000 - height)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 40, 80, 160, 320, 640, 1280, 2160,
    ]);
  });

  test('end at the first block of a young chain', () => {
    expect(offeredHeights(0, 2160)).toEqual([0]);
    expect(offeredHeights(25, 2160).at(-1)).toBe(5);
    expect(offeredHeights(25, 2160).every((height) => height >= 0)).toBe(true);
  });
});

describe('heights between two others', () => {
  test.each([
    [5, 6, []],
    [5, 7, [6]],
    [20, 40, [39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21]],
    [0, 100, [95, 90, 85, 80, 75, 70, 65, 60, 55, 50, 45, 40, 35, 30, 25, 20, 15, 10, 5]],
  ])('of %i and %i leave out both', (low, high, expected) => {
    expect(spreadBetween(low, high, 20)).toEqual(expected);
  });

  test('are never more than asked for, and never none where there is one', () => {
    for (let high = 2; high < 2500; high += 1) {
      const heights = spreadBetween(0, high, 20);
      expect(heights.length).toBeGreaterThan(0);
      expect(heights.length).toBeLessThanOrEqual(20);
      expect(Math.max(...heights)).toBeLessThan(high);
      expect(Math.min(...heights)).toBeGreaterThan(0);
    }
  });
});

test('checkpoints are thinned out to the 1st, 2nd, 4th, 8th … and the oldest', () => {
  const newestFirst = Array.from({ length: 21 }, (_, i) => i + 1);
  expect(thinOut(newestFirst)).toEqual([1, 2, 4, 8, 16, 21]);
  expect(thinOut([])).toEqual([]);
});
