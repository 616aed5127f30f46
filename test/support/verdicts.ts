import type { Verdict } from '../../src/guard/judge.js';

type Forked = Extract<Verdict, { type: 'forked' }>;

export const forked = (ours: number, theirs: number, common = 990): Forked => ({
  type: 'forked',
  common,
  ours,
  theirs,
});
export const agrees: Verdict = { type: 'agrees', common: 1000 };
export const ahead: Verdict = { type: 'ahead', common: 1000, blocks: 9 };
export const behind: Verdict = { type: 'behind', common: 900, slots: 2000 };
export const silent: Verdict = { type: 'silent', reason: 'away' };
