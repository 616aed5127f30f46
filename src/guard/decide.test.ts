import { describe, expect, test } from 'vitest';
import {
  agreeing,
  EARLY,
  forked,
  forkedAt,
  LATE,
  POLICY,
  passed,
  rolledBack,
  seen,
  silent,
  split,
  thin,
  unheard,
} from '../../test/support/guard-reasons.js';
import { SECURITY_PARAMETER_BLOCKS } from '../chain/point.js';
import { decide, type GuardPolicy, type Seen } from './decide.js';
import { holds, type Reason, withTrouble } from './reasons.js';

const limited = withTrouble(
  [],
  { kind: 'rollback', common: 990, depth: 40, limit: 30 },
  EARLY,
)[0] as Reason;

const kinds = (reasons: readonly Reason[]): string[] => reasons.map(({ kind }) => kind);

describe('the chain is held', () => {
  test.each<[string, readonly string[], Seen, Partial<GuardPolicy>]>([
    ['not while all is well', [], seen({ witnesses: { w: agreeing(9) } }), {}],
    ['when a witness follows another chain', ['witness'], seen({ witnesses: { w: forked } }), {}],
    [
      'once for each of them',
      ['witness', 'witness'],
      seen({ witnesses: { v: forked, w: forked, x: agreeing(9) } }),
      {},
    ],
    ['not when a witness is silent', [], seen({ witnesses: { w: silent } }), {}],
    ['when blocks come too slowly', ['density'], seen({ blocks: 103 }), {}],
    ['not at the least that a healthy chain has', [], seen({ blocks: 104 }), {}],
    ['not where headers cover no window', [], seen({ blocks: null }), {}],
    ['not where density is off', [], seen({ blocks: 3 }), { leastBlocks: null }],
    ['while a term waits for its witnesses', ['unheard'], seen({ isListening: true }), {}],
  ])('%s', (_, expected, what, policy) => {
    const reasons = decide([], what, { ...POLICY, ...policy }, LATE);
    expect(kinds(reasons)).toEqual(expected);
    expect(holds(reasons)).toBe(expected.length > 0);
  });
});

describe('trouble is over', () => {
  test.each<[string, boolean, Reason, Seen, Partial<GuardPolicy>]>([
    ['when the witness vouched 3 times', true, split, seen({ witnesses: { w: agreeing(3) } }), {}],
    ['not when it did twice', false, split, seen({ witnesses: { w: agreeing(2) } }), {}],
    [
      'not when it agrees below the fork',
      false,
      split,
      seen({ witnesses: { w: agreeing(9, 990) } }),
      {},
    ],
    [
      'not when another one agrees',
      false,
      split,
      seen({ witnesses: { v: agreeing(9), w: silent } }),
      {},
    ],
    ['not when that witness is no longer asked', false, split, seen({}), {}],
    [
      'not when another one is asked in its place, and says nothing',
      false,
      split,
      seen({ witnesses: { v: silent } }),
      {},
    ],
    [
      'not when one of those that are asked in its place does not agree',
      false,
      split,
      seen({ witnesses: { u: agreeing(9), v: agreeing(2) } }),
      {},
    ],
    [
      'not when those that are asked in its place agree below the fork',
      false,
      split,
      seen({ witnesses: { v: agreeing(9, 990) } }),
      {},
    ],
    [
      'when all that are asked in its place agree',
      true,
      split,
      seen({ witnesses: { u: agreeing(3), v: agreeing(9) } }),
      {},
    ],
    ['not a rollback without a witness', false, rolledBack, seen({}), {}],
    [
      'a rollback that a witness went along with',
      true,
      rolledBack,
      seen({ height: 995, witnesses: { w: agreeing(3, 995) } }),
      {},
    ],
    ['not a rollback one block early', false, rolledBack, seen({ height: 1059 }), {}],
    ['a rollback that has as many blocks above', true, rolledBack, seen({ height: 1060 }), {}],
    [
      'not a rollback where they are no trouble any more',
      false,
      rolledBack,
      seen({ height: 2_000 }),
      { rollbackDepth: null },
    ],
    [
      'not a rollback one block early, where less is trouble than when it held',
      false,
      limited,
      seen({ height: 1059 }),
      { rollbackDepth: 3 },
    ],
    [
      'a rollback that has as many blocks above as when it held, where they are no trouble any more',
      true,
      limited,
      seen({ height: 1060 }),
      { rollbackDepth: null },
    ],
    ['not a thin hour that is still in the window', false, thin, seen({ slot: 23_599 }), {}],
    ['a thin hour after a whole good one', true, thin, seen({ slot: 23_600 }), {}],
    [
      'not a thin hour before anything is known',
      false,
      thin,
      seen({ slot: 90_000, blocks: null }),
      {},
    ],
    [
      'a thin hour after a whole good one, also while no node says what is good',
      true,
      thin,
      seen({ slot: 23_600, blocks: 104 }),
      { leastBlocks: null },
    ],
    [
      'not a thin hour after another one, also while no node says what is good',
      false,
      thin,
      seen({ slot: 90_000, blocks: 103 }),
      { leastBlocks: null },
    ],
    ['a wait for witnesses that were heard', true, unheard, seen({}), {}],
    ['not one for witnesses that were not', false, unheard, seen({ isListening: true }), {}],
  ])('%s', (_, expected, reason, what, policy) => {
    expect(kinds(decide([reason], what, { ...POLICY, ...policy }, LATE))).toEqual(
      expected ? [] : [reason.kind],
    );
  });
});

describe('a rollback while another one holds', () => {
  const again = (common: number, depth: number): Reason =>
    withTrouble([rolledBack], { kind: 'rollback', common, depth }, LATE)[0] as Reason;

  test.each<[string, Reason, object]>([
    // 990 and 40 before: block 1030 was the highest that was lost.
    ['smaller and higher up', again(995, 31), { common: 990, depth: 40, latest: 995 }],
    ['that took more back', again(1000, 45), { common: 990, depth: 55, latest: 1000 }],
    ['that went further down', again(960, 35), { common: 960, depth: 70 }],
  ])('%s takes nothing from it', (_, reason, expected) => {
    const { common, depth, latest } = reason as Extract<Reason, { kind: 'rollback' }>;
    expect({ common, depth, ...(latest === undefined ? {} : { latest }) }).toEqual(expected);
    // Who looked before it came has not seen it.
    expect(reason).toMatchObject({ since: LATE, released: null });
  });

  test.each([
    [false, 995],
    [true, 996],
  ])('is over: %s, for a witness that has block %i of ours', (isOver, common) => {
    const what = seen({ witnesses: { w: agreeing(3, common) } });
    expect(decide([again(995, 31)], what, POLICY, LATE)).toHaveLength(isOver ? 0 : 1);
  });
});

describe('what a person let pass', () => {
  test.each<[string, Reason, Seen]>([
    ['a split', split, seen({ witnesses: { w: forked } })],
    ['a thin hour', thin, seen({ slot: 21_000, blocks: 80 })],
  ])('does not hold again while it goes on: %s', (_, reason, what) => {
    const reasons = decide([passed(reason)], what, POLICY, LATE);
    expect(kinds(reasons)).toEqual([reason.kind]);
    expect(holds(reasons)).toBe(false);
  });

  test('holds again when it comes again after it was over', () => {
    const over = decide([passed(split)], seen({ witnesses: { w: agreeing(3) } }), POLICY, LATE);
    expect(over).toEqual([]);
    expect(holds(decide(over, seen({ witnesses: { w: forked } }), POLICY, LATE))).toBe(true);
  });

  test('does not cover another rollback', () => {
    const trouble = { kind: 'rollback', common: 980, depth: 50 } as const;
    const [again] = withTrouble([passed(rolledBack)], trouble, LATE);
    expect(again).toMatchObject({ since: LATE, released: null, depth: 50 });
  });

  test('does not cover another witness', () => {
    const what = seen({ witnesses: { v: forked, w: forked } });
    expect(holds(decide([passed(split)], what, POLICY, LATE))).toBe(true);
  });
});

describe('a split whose witness is no longer asked', () => {
  const left = (reason: Reason, what: Seen): readonly Reason[] =>
    decide([reason], what, POLICY, LATE);

  test('says why it stays, until that witness is asked again', () => {
    const [unasked] = left(split, seen({}));
    expect(unasked).toMatchObject({ since: EARLY, released: null, common: 990, ours: 6 });
    expect(unasked?.detail).toContain('the witness that disagreed is not configured');
    if (unasked === undefined) return;
    expect(left(unasked, seen({}))).toEqual([unasked]);
    expect(left(unasked, seen({ witnesses: { w: silent } }))).toEqual([split]);
    const [again] = left(unasked, seen({ witnesses: { w: forked } }));
    expect(again?.detail).not.toContain('not configured');
  });

  test('is forgotten once a person let it pass and no rollback reaches it', () => {
    const height = 990 + SECURITY_PARAMETER_BLOCKS;
    expect(kinds(left(passed(split), seen({ height })))).toEqual(['witness']);
    expect(left(passed(split), seen({ height: height + 1 }))).toEqual([]);
    expect(kinds(left(split, seen({ height: height + 1 })))).toEqual(['witness']);
  });
});

test('a split above another block begins anew, and holds on', () => {
  const what = seen({ witnesses: { w: forkedAt({ common: 994 }) } });
  const [reason] = decide([split], what, POLICY, LATE);
  expect(reason).toMatchObject({ common: 994, ours: 6, since: LATE, released: null });
});

test('trouble that goes on keeps its time and shows its latest figures', () => {
  const [reason] = decide([split], seen({ witnesses: { w: forked } }), POLICY, LATE);
  expect(reason).toMatchObject({ since: EARLY, ours: 10, theirs: 7 });
  expect(reason?.detail).toContain('10 blocks of ours and 7 of theirs');
});
