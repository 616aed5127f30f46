import { type Verdict, vouches } from './judge.js';
import { mayBeSame, narrowed, type Parting, partingOf } from './parting.js';

/** A block of ours. */
export type Standing = { readonly height: number; readonly hash: string };

/** What a witness said just now. */
export type Hearing = {
  readonly verdict: Verdict;
  /** The block up to which it was asked about our chain; null where it said nothing. */
  readonly on: Standing | null;
  /** The lowest block of ours that it turned out not to have: while that one is ours, so is the fork below it. */
  readonly lacks: Standing | null;
};

/** What was heard of a witness so far. A leader's memory: its successor begins anew. */
export type Testimony = Hearing & {
  /** How often in a row it vouched for our chain. */
  readonly agreements: number;
  /** Its blocks above the fork when that fork was first seen, and how often; null: it stands on ours. */
  readonly fork: (Parting & { readonly theirs: number; readonly seen: number }) | null;
};

export function testify(before: Testimony | null, hearing: Hearing): Testimony {
  const { verdict } = hearing;
  const agreements = vouches(verdict) ? (before?.agreements ?? 0) + 1 : 0;
  const fork = before?.fork ?? null;
  if (verdict.type === 'silent') return { ...hearing, agreements, fork };
  if (verdict.type !== 'forked') return { ...hearing, agreements, fork: null };
  const goesOn = fork !== null && mayBeSame(fork, verdict);
  const next = goesOn
    ? { ...narrowed(fork, verdict), theirs: fork.theirs, seen: fork.seen + 1 }
    : { ...partingOf(verdict), theirs: verdict.theirs, seen: 1 };
  return { ...hearing, agreements, fork: next };
}

/** It spoke of a chain that we left: of the one that we are on now it has to say it again, for us or against. */
export const afterRollback = (testimony: Testimony): Testimony => ({
  ...testimony,
  verdict: { type: 'silent', reason: 'not heard of the chain that we are on now' },
  agreements: 0,
});

/** Of our chain: how high it is now, and which of the blocks that were spoken of are on it. */
export type OurChain = { readonly height: number; readonly ours: ReadonlySet<string> };

/** Whether it spoke of the chain that we are on now, if of any. */
export const isOfOurs = ({ on }: Testimony, ours: OurChain['ours']): boolean =>
  on === null || ours.has(on.hash);

/** What it said, as far as that is true of the chain that we are on now: a fork outlives the blocks above it. */
export function whatStands(testimony: Testimony, { height, ours }: OurChain): Testimony {
  if (isOfOurs(testimony, ours)) return testimony;
  const { lacks, verdict } = testimony;
  if (verdict.type !== 'forked' || lacks === null || !ours.has(lacks.hash)) {
    return afterRollback(testimony);
  }
  return {
    ...testimony,
    verdict: { ...verdict, ours: Math.min(verdict.ours, height - verdict.common) },
  };
}

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
