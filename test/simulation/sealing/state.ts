import { createRandom, type Random } from '../../../src/devnet/random.js';
import type { OutsideNotes } from '../../../src/reconcile/seals/check-seals.js';
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
};

export function createSealing(seed: number, instances: readonly string[], locks: Locks): Sealing {
  const random = createRandom(`seals ${seed}`);
  return {
    random,
    scheduler: createScheduler(random, locks),
    actors: instances.map((name) => `${name}-seals`),
    inside: new Set(),
    notes: {},
    acceptedAfter: 0,
  };
}
