import { describe, expect, test } from 'vitest';
import {
  binomialTail,
  DENSITY_WINDOW_SLOTS,
  falseAlarmsPerYear,
  leastBlocksOf,
  parseRatio,
} from './density.js';

const F = 1 / 20;

/** The same by the recurrence of exact probabilities, where they don't underflow. */
function tailBySumming(trials: number, p: number, most: number): number {
  let term = (1 - p) ** trials;
  let sum = 0;
  for (let k = 0; k <= most; k += 1) {
    sum += term;
    term *= ((trials - k) / (k + 1)) * (p / (1 - p));
  }
  return sum;
}

describe('the binomial tail', () => {
  test.each([
    [1, 0.5, 0, 0.5],
    [2, 0.5, 1, 0.75],
    [10, 0.5, 4, 386 / 1024],
    [3, 0.1, 0, 0.729],
    [5, 0.3, 5, 1],
    [5, 0.3, -1, 0],
  ])('of %i trials at %d has %i or fewer with %d', (trials, p, most, expected) => {
    expect(binomialTail(trials, p, most)).toBeCloseTo(expected, 12);
  });

  test('equals the plain sum where that can be computed', () => {
    for (const most of [80, 104, 130, 180]) {
      const plain = tailBySumming(3_600, F, most);
      expect(binomialTail(3_600, F, most) / plain).toBeCloseTo(1, 9);
    }
  });

  test('is there where a plain sum would begin below what a number can hold', () => {
    expect((1 - 0.5) ** 3_600).toBe(0);
    expect(binomialTail(3_600, 0.5, 1_800)).toBeCloseTo(0.5066, 3);
  });
});

describe('the threshold', () => {
  test('is 104 blocks an hour on public networks', () => {
    expect(leastBlocksOf(F)).toBe(104);
  });

  test('is the highest with less than one false alarm in 100 years', () => {
    expect(falseAlarmsPerYear(F, 104)).toBeLessThan(0.01);
    expect(falseAlarmsPerYear(F, 105)).toBeGreaterThan(0.01);
  });

  test.each([
    [0.5, 0.9],
    [0.4, 0.999],
    [0.3, 0.999_999],
  ])(
    'tells a chain with %d of the pools from a whole one with odds of %d an hour',
    (share, odds) => {
      const missed = 1 - binomialTail(DENSITY_WINDOW_SLOTS - 1, F * share, 104 - 2);
      expect(1 - missed).toBeGreaterThan(odds);
    },
  );

  test('follows the network: half as many slots, about half as many blocks', () => {
    expect(leastBlocksOf(0.025)).toBeLessThan(52);
    expect(leastBlocksOf(0.0001)).toBe(1);
  });
});

test.each([
  ['1/20', 0.05],
  ['5/100', 0.05],
  ['1/1', null],
  ['0/20', null],
  ['1/0', null],
  ['0.05', null],
  [0.05, null],
  [undefined, null],
])('%s is the share %s', (text, ratio) => {
  expect(parseRatio(text)).toBe(ratio);
});
