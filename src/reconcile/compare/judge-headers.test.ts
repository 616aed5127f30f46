import { describe, expect, test } from 'vitest';
import { type HeaderEvidence, headerGap } from './judge-headers.js';

const K = 2160;

const link = (height: number, below = height - 1) => ({
  hash: `${height}`.padStart(64, '0'),
  height,
  boundary: false,
  below,
});

const kept = (wishes: Partial<HeaderEvidence> & { readonly from: number }): HeaderEvidence => ({
  lowest: link(wishes.from),
  highestBroken: null,
  lowestBroken: null,
  cursor: 10_000,
  tip: 10_000,
  start: -1,
  ...wishes,
});

describe('no header is missing', () => {
  test.each<[string, HeaderEvidence]>([
    ['where the window was just pruned', kept({ from: 10_000 - K })],
    ['where pruning is still to come', kept({ from: 9_900 - K })],
    [
      'after a rollback, until the blocks that replace those come',
      kept({ from: 10_000 - K, cursor: 8_500 }),
    ],
    [
      'after a rollback to a chain that is a little shorter',
      kept({ from: 10_000 - K, tip: 9_950, cursor: 9_950 }),
    ],
    ['at the first block of a chain', kept({ from: 1, cursor: 30, tip: 30 })],
    ['at its first boundary block', kept({ from: 0, cursor: 30, tip: 30 })],
    ['where the books begin', kept({ from: 9_000, start: 9_000 })],
    [
      'right after a rollback below where they began',
      kept({ from: 8_999, start: 9_000, cursor: 8_999 }),
    ],
    [
      'as far as anybody knows, where it was never written down where they begin',
      kept({ from: 9_999, start: null }),
    ],
  ])('%s', (_what, evidence) => {
    expect(headerGap(evidence)).toBeNull();
  });
});

describe('headers are missing', () => {
  test.each<[string, HeaderEvidence, number, number]>([
    ['above the end of the window', kept({ from: 9_000 }), 10_000 - K, 9_000],
    ['above where the books begin', kept({ from: 9_002, start: 9_000 }), 9_000, 9_002],
    ['above the first block', kept({ from: 30, cursor: 30, tip: null }), 0, 30],
    [
      'between others',
      kept({
        from: 10_000 - K,
        highestBroken: link(9_500, 9_400),
        lowestBroken: link(9_300, 9_299),
      }),
      9_299,
      9_500,
    ],
    [
      'between others and below them',
      kept({ from: 9_000, highestBroken: link(9_500, 9_400), lowestBroken: link(9_500, 9_400) }),
      10_000 - K,
      9_500,
    ],
  ])('%s', (_what, evidence, from, height) => {
    expect(headerGap(evidence)).toMatchObject({ from, below: { height } });
  });
});
