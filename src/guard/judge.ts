import type { TipOrOrigin } from '../chain/point.js';
import { describeParting, type Parting, partingAt } from './parting.js';

/** Where a witness's chain and ours part, as its answer to our newest points tells. */
export type Sighting = {
  readonly cursor: { readonly height: number; readonly slot: number };
  /** Height of the highest block that both chains have; null where it knows none that we have. */
  readonly common: number | null;
  /** The lowest block of ours that it turned out not to have; null where it has all. */
  readonly unknown: number | null;
  /** The lowest block of ours that it was asked for. */
  readonly oldest: { readonly height: number; readonly slot: number };
  readonly tip: TipOrOrigin;
};

/** `common`: how far up its chain is ours. */
export type Verdict =
  | { readonly type: 'agrees'; readonly common: number }
  /** Its chain is a beginning of ours. */
  | { readonly type: 'behind'; readonly common: number; readonly slots: number }
  /** Ours is a beginning of its chain. */
  | { readonly type: 'ahead'; readonly common: number; readonly blocks: number }
  /** Blocks of ours and of theirs above the last common one. */
  | (Parting & { readonly type: 'forked'; readonly ours: number; readonly theirs: number })
  | { readonly type: 'silent'; readonly reason: string };

/** Five minutes, some 15 blocks: a witness that lags by more can't vouch for what is confirmed now. */
const LAG_SLOTS_MAX = 300;
/** Blocks travel: one or two more than we have are no lead. */
const LEAD_BLOCKS_MAX = 2;

export function judgeWitness({ cursor, common, unknown, oldest, tip }: Sighting): Verdict {
  if (tip === 'origin') return { type: 'behind', common: -1, slots: cursor.slot };
  if (common === null) {
    // Nothing in common may only mean that it hasn't got there yet.
    if (tip.slot < oldest.slot) {
      return { type: 'behind', common: -1, slots: cursor.slot - tip.slot };
    }
    const below = oldest.height - 1;
    const theirs = Math.max(1, tip.height - below);
    const parting = partingAt(below, -1, below);
    return { type: 'forked', ...parting, ours: cursor.height - below, theirs };
  }
  const ours = Math.max(0, cursor.height - common);
  const theirs = Math.max(0, tip.height - common);
  if (ours > 0 && theirs > 0) {
    const parting = partingAt(common, common, Math.max(common, (unknown ?? 0) - 1));
    return { type: 'forked', ...parting, ours, theirs };
  }
  if (theirs > LEAD_BLOCKS_MAX) return { type: 'ahead', common, blocks: theirs };
  const slots = cursor.slot - tip.slot;
  return slots > LAG_SLOTS_MAX ? { type: 'behind', common, slots } : { type: 'agrees', common };
}

/** Whether its chain is ours, as far as ours is known to be confirmed by it. */
export const vouches = (verdict: Verdict): boolean =>
  verdict.type === 'agrees' || verdict.type === 'ahead';

/** For the metric: 1 where its chain is ours but for what any two nodes may differ in. */
export const agreesWith = (verdict: Verdict, splitDepth: number): boolean =>
  vouches(verdict) || (verdict.type === 'forked' && verdict.ours < splitDepth);

export function describeVerdict(verdict: Verdict): string {
  switch (verdict.type) {
    case 'agrees':
      return 'agrees';
    case 'behind':
      return `behind by ${verdict.slots} slots`;
    case 'ahead':
      return `ahead by ${verdict.blocks} blocks`;
    case 'forked':
      return (
        `forked above ${describeParting(verdict)}: ` +
        `${verdict.ours} blocks of ours, ${verdict.theirs} of theirs`
      );
    case 'silent':
      return `silent: ${verdict.reason}`;
  }
}
