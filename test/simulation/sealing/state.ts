import { createRandom, type Random } from '../../../src/devnet/random.js';
import type { OutsideNotes } from '../../../src/reconcile/seals/check-seals.js';
import type { NotedHead } from '../../../src/reconcile/seals/noted-heads-queries.js';
import type { SealChain } from '../../../src/reconcile/seals/seal.js';
import { createScheduler, type Locks, type Scheduler } from '../scheduler.js';

/** Who seals ledger and audit log, with chance and turns of its own: without it a seed goes the same way. */
export type Sealing = {
  readonly random: Random;
  readonly scheduler: Scheduler;
  /** One beside each instance. */
  readonly actors: readonly string[];
  /** Who stands between `begin` and `commit`. */
  readonly inside: Set<string>;
  /** Heads that were seen: from then on they are the same for ever. */
  notes: OutsideNotes;
  /** After how many corruptions whatever differed was accepted. */
  acceptedAfter: number;
  /** Chance of the hand that deletes seals, where there is one, and what it deleted last; null until then. */
  readonly hand: Random | null;
  lost: LostSeals | null;
};

/** Seals from a number on, until somebody has answered for that. */
export type LostSeals = {
  readonly chain: SealChain;
  readonly from: number;
  /** By the last verification, in the audit log. */
  readonly noted: NotedHead;
  /** As a backup's manifest has it. */
  readonly outside: OutsideNotes;
};

/** @param corrupts whether there is another hand: in two of seven worlds it is at the seals as well */
export function createSealing(
  { seed, corrupts }: { readonly seed: number; readonly corrupts: boolean },
  instances: readonly string[],
  locks: Locks,
): Sealing {
  const random = createRandom(`seals ${seed}`);
  return {
    random,
    scheduler: createScheduler(random, locks),
    actors: instances.map((name) => `${name}-seals`),
    inside: new Set(),
    notes: {},
    acceptedAfter: 0,
    hand: corrupts && [1, 6].includes(seed % 7) ? createRandom(`lost seals ${seed}`) : null,
    lost: null,
  };
}
