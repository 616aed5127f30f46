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
  split,
  thin,
  unheard,
} from '../../test/support/guard-reasons.js';
import { decide } from './decide.js';
import type { Parting } from './parting.js';
import { afterGoingBack, holds, type Reason, withTrouble } from './reasons.js';

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
