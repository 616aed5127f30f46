import type { OutputReference } from '../../chain/block.js';
import {
  type Correcting,
  endAgain,
  paymentsBehindLedger,
  paymentsEndedInLedger,
  raiseInclusions,
} from '../heal/behind-ledger.js';
import { PointLost } from '../runs/comparison-point.js';
import type { RunningJob } from './job.js';

/** What was set right before anything could be compared. */
export type Unblocked = {
  /** Payments whose inclusion was raised to what the ledger has of them. */
  readonly inclusions: number;
  /** Payments that counted although the ledger ended their inclusion. */
  readonly rollbacks: number;
};

export type Unblocking = {
  readonly did: () => Unblocked;
  /** Needs no chain, and lets blocks go on that stumble over it. */
  readonly raiseBehind: () => Promise<void>;
  /** Where the books stand on a block that no node has any more, they may be what keeps it from being rolled back. */
  readonly letRollbackGoOn: (error: unknown) => Promise<null>;
};

/** Counted with the job's progress: whoever goes on with it finds nothing of it any more. */
export function unblocking(job: RunningJob): Unblocking {
  const { pool, partitionId } = job.leadership;
  const by: Correcting = { partitionId, actor: job.requestedBy };
  let done: Unblocked = {
    inclusions: countOf(job.progress.inclusions),
    rollbacks: countOf(job.progress.rollbacks),
  };
  const correct = async (
    what: keyof Unblocked,
    correcting: typeof raiseInclusions,
    found: readonly OutputReference[],
  ): Promise<number> => {
    if (found.length === 0) return 0;
    const { next, corrected } = await job.leadership.write(async (tx, at) => {
      const corrected = await correcting(tx, at, by, found);
      const next = { ...done, [what]: done[what] + corrected };
      await job.save(tx, { ...job.progress, ...next });
      return { next, corrected };
    });
    done = next;
    return corrected;
  };
  return {
    did: () => done,
    raiseBehind: async () => {
      await correct('inclusions', raiseInclusions, await paymentsBehindLedger(pool, partitionId));
    },
    letRollbackGoOn: async (error) => {
      if (!(error instanceof PointLost)) throw error;
      const found = await paymentsEndedInLedger(pool, partitionId);
      if ((await correct('rollbacks', endAgain, found)) === 0) throw error;
      return null;
    },
  };
}

const countOf = (saved: unknown): number => (typeof saved === 'number' ? saved : 0);
