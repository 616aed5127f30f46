import { describe, expect, test } from 'vitest';
import type { Block, ChainEvent } from '../chain/block.js';
import type { Height, Slot } from '../chain/point.js';
import type { Cursor } from './events.js';
import { cutIntoStretches, type IntersectionAnswer, judgeIntersection, misfit } from './verdict.js';

const idOf = (name: string): string => name.padStart(64, '0');
const pointOf = (height: number, name = `b${height}`) => ({
  slot: (height * 20) as Slot,
  id: idOf(name),
});
const tipOf = (height: number, name?: string) => ({
  ...pointOf(height, name),
  height: height as Height,
});
const at100: Cursor = { point: pointOf(100), height: 100 as Height };
const unknownHeight: Cursor = { point: pointOf(100), height: null };
const atOrigin: Cursor = { point: 'origin', height: null };

describe('an answer to findIntersection', () => {
  test.each<[string, Cursor, IntersectionAnswer, boolean, number | null, string]>([
    ['where we are', at100, { point: pointOf(100), tip: tipOf(120) }, false, 0, 'follow'],
    [
      'where we are, at its tip',
      at100,
      { point: pointOf(100), tip: tipOf(100) },
      true,
      0,
      'follow',
    ],
    ['origin, where we are', atOrigin, { point: 'origin', tip: 'origin' }, false, null, 'follow'],
    [
      'below, on a longer fork',
      at100,
      { point: pointOf(90), tip: tipOf(101, 'f') },
      false,
      10,
      'follow',
    ],
    [
      'below, on a fork as long',
      at100,
      { point: pointOf(90), tip: tipOf(100, 'f') },
      false,
      10,
      'follow',
    ],
    [
      'below, on a shorter fork',
      at100,
      { point: pointOf(90), tip: tipOf(99, 'f') },
      false,
      10,
      'shorter_fork',
    ],
    [
      'below, with a tip of ours',
      at100,
      { point: pointOf(90), tip: tipOf(95) },
      true,
      10,
      'node_behind',
    ],
    [
      'origin, with nothing at all',
      at100,
      { point: 'origin', tip: 'origin' },
      false,
      null,
      'node_behind',
    ],
    [
      'none, and it is shorter',
      at100,
      { point: null, tip: tipOf(40, 'f') },
      false,
      null,
      'node_behind',
    ],
    ['none, and it has nothing', at100, { point: null, tip: 'origin' }, false, null, 'node_behind'],
    ['none, and it is longer', at100, { point: null, tip: tipOf(140, 'f') }, false, null, 'lost'],
    [
      'none, by slot alone, and it is behind',
      unknownHeight,
      { point: null, tip: tipOf(99) },
      false,
      null,
      'node_behind',
    ],
    [
      'none, by slot alone, and it is ahead',
      unknownHeight,
      { point: null, tip: tipOf(101) },
      false,
      null,
      'lost',
    ],
    ['deeper than k', at100, { point: pointOf(1), tip: tipOf(120, 'f') }, false, 2161, 'lost'],
    ['exactly k deep', at100, { point: pointOf(1), tip: tipOf(120, 'f') }, false, 2160, 'follow'],
    ['a checkpoint', at100, { point: pointOf(1), tip: tipOf(120, 'f') }, false, null, 'lost'],
  ])('that is %s is judged', (_, cursor, answer, tipIsOurs, depth, verdict) => {
    expect(judgeIntersection(cursor, answer, tipIsOurs, depth).verdict).toBe(verdict);
  });

  test('that is none of ours comes with what to do', () => {
    const judged = judgeIntersection(at100, { point: null, tip: tipOf(140, 'f') }, false, null);
    expect(judged).toMatchObject({
      instructions: expect.stringContaining('Nothing was changed') as string,
    });
    expect(judged).toMatchObject({ instructions: expect.stringContaining(idOf('b100')) as string });
  });
});

const block = (height: number, ancestor: string, type: Block['type'] = 'praos'): Block => ({
  type,
  era: 'conway',
  id: idOf(`n${height}`),
  ancestor: idOf(ancestor),
  height: height as Height,
  slot: (height * 20) as Slot,
  transactions: [],
});

describe('a block', () => {
  test.each<[string, Cursor, Block, RegExp | null]>([
    ['on the cursor', at100, block(101, 'b100'), null],
    ['that is a boundary, at its predecessor’s height', at100, block(100, 'b100', 'ebb'), null],
    ['on a cursor of unknown height', unknownHeight, block(77, 'b100'), null],
    ['that is the first one', atOrigin, block(0, 'genesis'), null],
    ['that is the first one of a chain that counts from 1', atOrigin, block(1, 'genesis'), null],
    ['that is far from the first one', atOrigin, block(2, 'genesis'), /can't be the first/],
    ['on another block', at100, block(101, 'b99'), /stands on/],
    ['that skips a height', at100, block(102, 'b100'), /has height 102 where 101/],
    ['that repeats a height', at100, block(100, 'b100'), /has height 100 where 101/],
  ])('%s is judged', (_, cursor, given, problem) => {
    const said = misfit(cursor, given);
    if (problem === null) expect(said).toBeNull();
    else expect(said).toMatch(problem);
  });
});

describe('what has arrived', () => {
  const forward = (height: number, tip: number): ChainEvent => ({
    type: 'forward',
    block: block(height, `n${height - 1}`),
    tip: tipOf(tip),
  });
  const backward = (height: number): ChainEvent => ({
    type: 'backward',
    point: pointOf(height),
    tip: tipOf(height),
  });
  const shapes = (events: readonly ChainEvent[]): string[] =>
    cutIntoStretches(events).map((stretch) =>
      stretch.type === 'backward' ? 'back' : String(stretch.events.length),
    );

  test.each<[string, ChainEvent[], string[]]>([
    ['nothing', [], []],
    ['far from the tip', [forward(1, 900), forward(2, 900), forward(3, 900)], ['3']],
    ['near the tip', [forward(890, 900), forward(891, 900)], ['1', '1']],
    [
      '20 blocks below the tip',
      [forward(880, 900), forward(881, 900), forward(882, 900)],
      ['2', '1'],
    ],
    [
      'a rollback in the middle',
      [forward(1, 900), backward(0), forward(1, 900)],
      ['1', 'back', '1'],
    ],
    ['rollbacks alone', [backward(5), backward(4)], ['back', 'back']],
  ])('%s is cut into transactions', (_, events, expected) => {
    expect(shapes(events)).toEqual(expected);
  });
});
