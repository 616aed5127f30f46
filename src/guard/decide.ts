import { SECURITY_PARAMETER_BLOCKS } from '../chain/point.js';
import { DENSITY_WINDOW_SLOTS } from './density.js';
import { vouches } from './judge.js';
import { highest, partingOf } from './parting.js';
import { type Reason, type Trouble, withTrouble, withWitnesses } from './reasons.js';
import { isSplit, type Testimony } from './testimony.js';

/** From when on the chain isn't believed; null is off. */
export type GuardPolicy = {
  /** Blocks of ours above the last one that a witness has too. */
  readonly splitDepth: number;
  /** A rollback over more blocks than that. */
  readonly rollbackDepth: number | null;
  /** Fewer blocks than that in a window; null is off, or not known yet. */
  readonly leastBlocks: number | null;
};

export type Seen = {
  readonly cursor: { readonly height: number; readonly slot: number };
  /** Of every witness that is set, by its name. */
  readonly witnesses: ReadonlyMap<string, Testimony>;
  /** The term has just begun, and some of them are still to be waited for. */
  readonly isListening: boolean;
  /** Blocks in the window up to the cursor; null where that can't be told. */
  readonly blocksInWindow: number | null;
};

/** As often in a row a witness must vouch before it is believed. */
const AGREEMENTS_MIN = 3;

/**
 * What is wrong with the chain now, of what was wrong before and what is seen. No setting ends what holds: who
 * leads next, or after a restart, may be set up otherwise, and the chains are where they were.
 */
export function decide(
  before: readonly Reason[],
  seen: Seen,
  policy: GuardPolicy,
  at: string,
): readonly Reason[] {
  const lasting = before.filter((reason) => !isOver(reason, seen, policy));
  return troublesOf(seen, policy).reduce<readonly Reason[]>(
    (reasons, trouble) => withTrouble(reasons, trouble, at),
    withWitnesses(lasting, (witness) => seen.witnesses.has(witness)),
  );
}

function troublesOf(seen: Seen, policy: GuardPolicy): Trouble[] {
  const { cursor, witnesses, blocksInWindow } = seen;
  const troubles: Trouble[] = seen.isListening ? [{ kind: 'unheard' }] : [];
  for (const [witness, testimony] of witnesses) {
    const { verdict } = testimony;
    if (verdict.type !== 'forked' || !isSplit(testimony, policy.splitDepth)) continue;
    const { ours, theirs } = verdict;
    troubles.push({ kind: 'witness', witness, ...partingOf(verdict), ours, theirs });
  }
  const least = policy.leastBlocks;
  if (least !== null && blocksInWindow !== null && blocksInWindow < least) {
    troubles.push({ kind: 'density', slot: cursor.slot, blocks: blocksInWindow, least });
  }
  return troubles;
}

function isOver(reason: Reason, seen: Seen, policy: GuardPolicy): boolean {
  switch (reason.kind) {
    case 'witness': {
      const own = seen.witnesses.get(reason.witness);
      if (own !== undefined) return vouchesAbove(own, highest(reason));
      return allVouchAbove(seen, highest(reason)) || isHistory(reason, seen, highest(reason));
    }
    case 'rollback': {
      const limits = [reason.limit, policy.rollbackDepth].filter((one) => typeof one === 'number');
      const above = seen.cursor.height - reason.common;
      const latest = reason.latest ?? reason.common;
      return (
        (limits.length > 0 && above >= Math.max(...limits) + reason.depth) ||
        [...seen.witnesses.values()].some((one) => vouchesAbove(one, latest)) ||
        isHistory(reason, seen, latest)
      );
    }
    case 'density': {
      // Back for as long as it is measured over: the first good window still holds the bad hour's end.
      const { blocksInWindow } = seen;
      // What a healthy chain has was known when it began: no node's silence makes it last.
      const least = policy.leastBlocks ?? reason.least;
      const whole = seen.cursor.slot >= reason.slot + DENSITY_WINDOW_SLOTS;
      return whole && blocksInWindow !== null && blocksInWindow >= least;
    }
    case 'unheard':
      return !seen.isListening;
  }
}

/** It has blocks of ours that lie above the place where chains parted; one that is still below says nothing. */
const vouchesAbove = ({ verdict, agreements }: Testimony, common: number): boolean =>
  vouches(verdict) &&
  verdict.type !== 'silent' &&
  agreements >= AGREEMENTS_MIN &&
  verdict.common > common;

/** Where the witness that disagreed isn't asked any more, one of several that agree may have been on our side all along. */
const allVouchAbove = ({ witnesses }: Seen, common: number): boolean =>
  witnesses.size > 0 && [...witnesses.values()].every((one) => vouchesAbove(one, common));

/** A person let it pass, and no rollback can reach it any more: nobody else would ever end it. */
const isHistory = ({ released }: Reason, { cursor }: Seen, common: number): boolean =>
  released !== null && cursor.height - common > SECURITY_PARAMETER_BLOCKS;
