import { describe, expect, test } from 'vitest';
import { decide, type GuardPolicy, type Seen } from './decide.js';
import type { Testimony, Verdict } from './judge.js';
import type { Parting } from './parting.js';
import { afterGoingBack, holds, type Reason, withTrouble } from './reasons.js';

const POLICY: GuardPolicy = {
  splitDepth: 5,
  rollbackDepth: 30,
  leastBlocks: 104,
  watchesDensity: true,
};
const EARLY = '2026-01-01T00:00:00.000Z';
const LATE = '2026-01-01T09:00:00.000Z';

const testimony = (verdict: Verdict, agreements = 0): Testimony => ({
  verdict,
  on: null,
  agreements,
  fork: verdict.type === 'forked' ? { common: verdict.common, theirs: 1, seen: 9 } : null,
});
const agreeing = (agreements: number, common = 1000) =>
  testimony({ type: 'agrees', common }, agreements);
const forkedAt = (parting: Parting) =>
  testimony({ type: 'forked', ...parting, ours: 1000 - parting.common, theirs: 7 });
const forked = forkedAt({ common: 990 });
const silent = testimony({ type: 'silent', reason: 'away' });

const seen = (of: {
  height?: number;
  slot?: number;
  witnesses?: Record<string, Testimony>;
  blocks?: number | null;
  isListening?: boolean;
}): Seen => ({
  cursor: { height: of.height ?? 1000, slot: of.slot ?? 20_000 },
  witnesses: new Map(Object.entries(of.witnesses ?? {})),
  blocksInWindow: of.blocks === undefined ? 180 : of.blocks,
  isListening: of.isListening ?? false,
});

const split: Reason = withTrouble(
  [],
  { kind: 'witness', witness: 'w', common: 990, ours: 6, theirs: 3 },
  EARLY,
)[0] as Reason;
const rolledBack: Reason = withTrouble(
  [],
  { kind: 'rollback', common: 990, depth: 40 },
  EARLY,
)[0] as Reason;
const thin: Reason = withTrouble(
  [],
  { kind: 'density', slot: 20_000, blocks: 90, least: 104 },
  EARLY,
)[0] as Reason;
const unheard: Reason = withTrouble([], { kind: 'unheard' }, EARLY)[0] as Reason;
const passed = (reason: Reason): Reason => ({
  ...reason,
  released: { at: EARLY, by: 'operator:ann', why: 'our chain won' },
});

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
    ['when that witness is no longer asked', true, split, seen({}), {}],
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
    ['a rollback where they are no trouble', true, rolledBack, seen({}), { rollbackDepth: null }],
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
      'not a thin hour while f is not known',
      false,
      thin,
      seen({ slot: 90_000 }),
      { leastBlocks: null },
    ],
    ['a thin hour where density is off', true, thin, seen({}), { watchesDensity: false }],
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
    expect(reason).toMatchObject({ since: EARLY, released: null });
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

describe('a split that a person let pass', () => {
  const splitAt = (parting: Parting): Reason => {
    const trouble = { kind: 'witness', witness: 'w', ...parting, ours: 6, theirs: 3 } as const;
    return withTrouble([], trouble, EARLY)[0] as Reason;
  };
  const below = { common: 500, between: [-1, 500] } as const;

  test.each<[string, boolean, Parting, Parting]>([
    ['is another one above another block', true, { common: 990 }, { common: 994 }],
    ['is another one below that block', true, { common: 990 }, { common: 989 }],
    [
      'is the same while no more is known of it',
      false,
      { common: 990 },
      { common: 980, between: [980, 994] },
    ],
    [
      'is the same when it is known to the block in the end',
      false,
      { common: 980, between: [980, 994] },
      { common: 990 },
    ],
    [
      'is another one outside of where it was known to be',
      true,
      { common: 980, between: [980, 989] },
      { common: 990 },
    ],
    ['is the same of a witness of another network', false, below, below],
    [
      'is the same of one when our oldest headers are dropped',
      false,
      below,
      { common: 600, between: [-1, 600] },
    ],
  ])('%s', (_, isAnother, before, now) => {
    const what = seen({ witnesses: { w: forkedAt(now) } });
    const [reason] = decide([passed(splitAt(before))], what, POLICY, LATE);
    expect(reason).toMatchObject(
      isAnother
        ? { since: LATE, released: null, ...now }
        : { since: EARLY, released: { by: 'operator:ann' } },
    );
  });

  test('is known as exactly as it ever was', () => {
    const vague = { common: 980, between: [980, 994] } as const;
    const [exact] = decide(
      [passed(splitAt({ common: 990 }))],
      seen({ witnesses: { w: forkedAt(vague) } }),
      POLICY,
      LATE,
    );
    expect(exact).toMatchObject({ common: 990, ours: 10 });
    expect(exact).not.toHaveProperty('between');
    // So that the next one is told from it.
    const next = seen({ witnesses: { w: forkedAt({ common: 985 }) } });
    expect(holds(decide(exact === undefined ? [] : [exact], next, POLICY, LATE))).toBe(true);
  });

  test('is not taken for another one at first sight', () => {
    const once = { ...forkedAt({ common: 994 }), fork: { common: 994, theirs: 7, seen: 1 } };
    const reasons = decide([passed(split)], seen({ witnesses: { w: once } }), POLICY, LATE);
    expect(reasons).toEqual([passed(split)]);
  });

  test.each([
    [false, 1000],
    [false, 991],
    [true, 990],
    [true, 960],
    [true, -1],
  ])('holds again: %s, when our chain goes back to block %i', (isLost, height) => {
    const [reason] = afterGoingBack([passed(split)], height, LATE);
    if (!isLost) return expect(reason).toEqual(passed(split));
    expect(reason).toMatchObject({ common: height, ours: 0, since: LATE, released: null });
    expect(reason?.detail).toContain(
      height < 0 ? 'went back to the origin' : `went back to block ${height}`,
    );
  });

  test('says why it holds again for as long as that fork goes on', () => {
    const lost = afterGoingBack([passed(split)], 990, LATE);
    const [same] = decide(lost, seen({ witnesses: { w: forked } }), POLICY, LATE);
    expect(same?.detail).toContain('10 blocks of ours and 7 of theirs; ours went back');
    const next = seen({ witnesses: { w: forkedAt({ common: 994 }) } });
    expect(decide(lost, next, POLICY, LATE)[0]?.detail).not.toContain('went back');
  });

  test('holds then until the witness vouches for what came instead', () => {
    const lost = afterGoingBack([passed(split)], 990, LATE);
    const vouched = (common: number) =>
      decide(lost, seen({ witnesses: { w: agreeing(3, common) } }), POLICY, LATE);
    expect(holds(vouched(990))).toBe(true);
    expect(vouched(991)).toEqual([]);
  });

  test('holds again, where ours was lost, for nothing else that was let pass or still holds', () => {
    const others = [passed(thin), split, passed(rolledBack), unheard];
    expect(afterGoingBack(others, 0, LATE)).toEqual(others);
  });
});

test('a split that still holds is one, wherever the chains part by now', () => {
  const what = seen({ witnesses: { w: forkedAt({ common: 994 }) } });
  const [reason] = decide([split], what, POLICY, LATE);
  expect(reason).toMatchObject({ common: 994, ours: 6, since: EARLY, released: null });
});

test('trouble that goes on keeps its time and shows its latest figures', () => {
  const [reason] = decide([split], seen({ witnesses: { w: forked } }), POLICY, LATE);
  expect(reason).toMatchObject({ since: EARLY, ours: 10, theirs: 7 });
  expect(reason?.detail).toContain('10 blocks of ours and 7 of theirs');
});
