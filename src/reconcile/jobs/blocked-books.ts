import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import type { ChainView } from '../../sync/chain-view.js';
import { placesBelow, readHeaderGap } from '../compare/header-queries.js';
import type { HeaderGap } from '../compare/judge-headers.js';
import {
  type Correcting,
  endAgain,
  paymentsBehindLedger,
  paymentsEndedInLedger,
  raiseInclusions,
} from '../heal/behind-ledger.js';
import { correctBeginnings, restoreBeginnings } from '../heal/heal-beginnings.js';
import { restoreHeaders } from '../heal/restore-headers.js';
import { PointLost } from '../runs/comparison-point.js';
import { readHeaders } from '../runs/header-reading.js';
import type { RunningJob } from './job.js';

/** What was set right before anything could be compared. */
export type Unblocked = {
  /** Payments whose inclusion was raised to what the ledger has of them. */
  readonly inclusions: number;
  /** Payments that counted although the ledger ended their inclusion. */
  readonly rollbacks: number;
  /** Headers that were read from the chain again. */
  readonly headers: number;
  /** Addresses that count again from where the audit log says. */
  readonly beginnings: number;
};

export type Unblocking = {
  readonly did: () => Unblocked;
  /** Needs no chain, and lets blocks go on that stumble over it. */
  readonly raiseBehind: () => Promise<void>;
  /** Where the books stand on a block that no node has any more, they may be what keeps it from being rolled back. */
  readonly letRollbackGoOn: (error: unknown) => Promise<null>;
  /** What is compared rests on them. @returns why some are still missing; null where none is */
  readonly restoreHeaders: (chain: ChainView) => Promise<string | null>;
  /** What must be recorded rests on them. */
  readonly restoreBeginnings: (addresses: readonly string[] | null) => Promise<void>;
};

/** Counted with the job's progress: whoever goes on with it finds nothing of it any more. */
export function unblocking(job: RunningJob): Unblocking {
  const { pool, partitionId } = job.leadership;
  const by: Correcting = { partitionId, actor: job.requestedBy, cause: `repair job ${job.id}` };
  let done: Unblocked = {
    inclusions: countOf(job.progress.inclusions),
    rollbacks: countOf(job.progress.rollbacks),
    headers: countOf(job.progress.headers),
    beginnings: countOf(job.progress.beginnings),
  };
  const write = async (
    what: keyof Unblocked,
    correcting: (tx: Tx, at: Date) => Promise<number>,
  ): Promise<number> => {
    const { next, corrected } = await job.leadership.write(async (tx, at) => {
      const corrected = await correcting(tx, at);
      const next = { ...done, [what]: done[what] + corrected };
      await job.save(tx, { ...job.progress, ...next });
      return { next, corrected };
    });
    done = next;
    return corrected;
  };
  const correct = async (
    what: keyof Unblocked,
    correcting: typeof raiseInclusions,
    found: readonly OutputReference[],
  ): Promise<number> =>
    found.length === 0 ? 0 : write(what, (tx, at) => correcting(tx, at, by, found));
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
    restoreHeaders: async (chain) => {
      let gap = await readHeaderGap(pool, partitionId);
      for (let tries = 1; gap !== null; tries += 1) {
        const missing: HeaderGap = gap;
        const places = await placesBelow(pool, partitionId, missing.below.height);
        const read = await readHeaders({ chain, signal: job.signal }, missing, places);
        if ('headers' in read) {
          await write('headers', (tx, at) => restoreHeaders(tx, at, by, missing, read.headers));
        }
        gap = await readHeaderGap(pool, partitionId);
        // A fork that came meanwhile, or another hand, ends what is trusted elsewhere: read from there.
        if (gap?.below.hash === missing.below.hash) {
          return 'reason' in read ? read.reason : NO_MORE_HEADERS;
        }
        if (tries === HEADER_READINGS_MAX && gap !== null) return HEADERS_CHANGE;
      }
      return null;
    },
    restoreBeginnings: async (addresses) => {
      await restoreBeginnings(pool, partitionId, addresses, (some) =>
        write('beginnings', (tx, at) => correctBeginnings(tx, at, by, some)),
      );
    },
  };
}

/** Each takes some minutes at most. */
const HEADER_READINGS_MAX = 5;
const NO_MORE_HEADERS = 'no more of them could be read from the chain';
const HEADERS_CHANGE = 'they were changed each time while they were read: run it again';

const countOf = (saved: unknown): number => (typeof saved === 'number' ? saved : 0);
