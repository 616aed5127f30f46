import type { GuardPolicy, Seen } from '../../src/guard/decide.js';
import type { Verdict } from '../../src/guard/judge.js';
import type { Parting } from '../../src/guard/parting.js';
import { type Reason, withTrouble } from '../../src/guard/reasons.js';
import type { Testimony } from '../../src/guard/testimony.js';

export const POLICY: GuardPolicy = {
  splitDepth: 5,
  rollbackDepth: 30,
  leastBlocks: 104,
};
export const EARLY = '2026-01-01T00:00:00.000Z';
export const LATE = '2026-01-01T09:00:00.000Z';

const testimony = (verdict: Verdict, agreements = 0): Testimony => ({
  verdict,
  on: null,
  lacks: null,
  agreements,
  fork: verdict.type === 'forked' ? { common: verdict.common, theirs: 1, seen: 9 } : null,
});
export const agreeing = (agreements: number, common = 1000) =>
  testimony({ type: 'agrees', common }, agreements);
export const forkedAt = (parting: Parting) =>
  testimony({ type: 'forked', ...parting, ours: 1000 - parting.common, theirs: 7 });
export const forked = forkedAt({ common: 990 });
export const silent = testimony({ type: 'silent', reason: 'away' });

export const seen = (of: {
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

export const split: Reason = withTrouble(
  [],
  { kind: 'witness', witness: 'w', common: 990, ours: 6, theirs: 3 },
  EARLY,
)[0] as Reason;
export const rolledBack: Reason = withTrouble(
  [],
  { kind: 'rollback', common: 990, depth: 40 },
  EARLY,
)[0] as Reason;
export const thin: Reason = withTrouble(
  [],
  { kind: 'density', slot: 20_000, blocks: 90, least: 104 },
  EARLY,
)[0] as Reason;
export const unheard: Reason = withTrouble([], { kind: 'unheard' }, EARLY)[0] as Reason;
export const passed = (reason: Reason): Reason => ({
  ...reason,
  released: { at: EARLY, by: 'operator:ann', why: 'our chain won' },
});
