import { describe, expect, test } from 'vitest';
import { agrees, ahead, behind, forked, silent } from '../../test/support/verdicts.js';
import type { Height, Slot, TipOrOrigin } from '../chain/point.js';
import { agreesWith, describeVerdict, judgeWitness, type Verdict } from './judge.js';

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

test.each<[boolean, Verdict]>([
  [true, agrees],
  [true, ahead],
  [true, forked(1, 1)],
  [false, forked(5, 1)],
  [false, behind],
  [false, silent],
])('it counts as agreeing: %s', (expected, verdict) => {
  expect(agreesWith(verdict, DEPTH)).toBe(expected);
});
