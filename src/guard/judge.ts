import type { TipOrOrigin } from '../chain/point.js';
import {
  describeParting,
  mayBeSame,
  narrowed,
  type Parting,
  partingAt,
  partingOf,
} from './parting.js';

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

/** A block of ours. */
export type Standing = { readonly height: number; readonly hash: string };

/** What a witness said just now, of our chain up to that block; null where it said nothing. */
export type Hearing = { readonly verdict: Verdict; readonly on: Standing | null };

/** What was heard of a witness so far. A leader's memory: its successor begins anew. */
export type Testimony = Hearing & {
  /** How often in a row it vouched for our chain. */
  readonly agreements: number;
  /** Its blocks above the fork when that fork was first seen, and how often; null: it stands on ours. */
  readonly fork: (Parting & { readonly theirs: number; readonly seen: number }) | null;
};

export function testify(before: Testimony | null, { verdict, on }: Hearing): Testimony {
  const agreements = vouches(verdict) ? (before?.agreements ?? 0) + 1 : 0;
  const fork = before?.fork ?? null;
  if (verdict.type === 'silent') return { verdict, on, agreements, fork };
  if (verdict.type !== 'forked') return { verdict, on, agreements, fork: null };
  const goesOn = fork !== null && mayBeSame(fork, verdict);
  const next = goesOn
    ? { ...narrowed(fork, verdict), theirs: fork.theirs, seen: fork.seen + 1 }
    : { ...partingOf(verdict), theirs: verdict.theirs, seen: 1 };
  return { verdict, on, agreements, fork: next };
}

/** It spoke of a chain that we left: of the one that we are on now it has to say it again, for us or against. */
export const afterRollback = (testimony: Testimony): Testimony => ({
  ...testimony,
  verdict: { type: 'silent', reason: 'not heard of the chain that we are on now' },
  agreements: 0,
});

/**
 * Whether it said enough to tell a split: a fork that is long enough for one counts from the second time on.
 * One that is ahead says nothing of the blocks that we are about to get, and these come in a hurry.
 */
export const isHeard = ({ verdict, fork }: Testimony, splitDepth: number): boolean =>
  verdict.type !== 'silent' &&
  verdict.type !== 'ahead' &&
  (verdict.type !== 'forked' ||
    verdict.ours < splitDepth ||
    (fork !== null && fork.seen >= SIGHTINGS_MIN));

/** It tells a split at first sight: whether it says so a second time is to be known at once. */
export const awaitsSecondSight = (testimony: Testimony, splitDepth: number): boolean =>
  testimony.verdict.type === 'forked' && !isHeard(testimony, splitDepth);

/** Whether its chain is ours, as far as ours is known to be confirmed by it. */
export const vouches = (verdict: Verdict): boolean =>
  verdict.type === 'agrees' || verdict.type === 'ahead';

/** As many blocks an honest chain may lose to another of the same slot. */
const BATTLE_BLOCKS_MAX = 2;
const SIGHTINGS_MIN = 2;

/**
 * Whether two chains live side by side. A node that was stopped on a block that the network dropped stands
 * on a fork too, for ever one or two blocks long, until it is in step again: such a fork is believed only
 * once it grows. And none is believed at first sight: chains move between two questions.
 */
export function isSplit({ verdict, fork }: Testimony, splitDepth: number): boolean {
  if (verdict.type !== 'forked' || verdict.ours < splitDepth) return false;
  if (fork === null || fork.seen < SIGHTINGS_MIN) return false;
  return verdict.theirs > BATTLE_BLOCKS_MAX || verdict.theirs > fork.theirs;
}

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
