import type { Pool } from 'pg';
import { inTransaction } from '../../database/transaction.js';
import { parseRebuildFrom } from '../rebuild/rebuild-from.js';
import {
  type Job,
  type JobFields,
  type JobKind,
  type JobRequest,
  lockAsking,
  openJobs,
  requestJob,
} from './job-queries.js';

export type AskedJob = {
  readonly id: string;
  /** As it was found, where the same had been asked for and hadn't ended; null: it is a new one. */
  readonly followed: Job | null;
  /** What is done before a new one, in that order. */
  readonly ahead: readonly Job[];
};

/** Whoever asks again for what is queued or under way, as after a lost terminal, wants it done once. */
export const askForJob = (pool: Pool, request: JobRequest): Promise<AskedJob> =>
  inTransaction(pool, async (tx) => {
    await lockAsking(tx, request.partitionId);
    const open = await openJobs(tx, request.partitionId);
    const wish = wishOf(request);
    const followed = open.find((job) => wish !== null && wishOf(job) === wish);
    if (followed !== undefined) return { id: followed.id, followed, ahead: [] };
    return { id: await requestJob(tx, request), followed: null, ahead: open };
  });

/** What a job is to do, in one form; null where nobody can read it. */
function wishOf({ kind, params }: { readonly kind: JobKind; readonly params: JobFields }) {
  const wish = kind === 'rebuild' ? rebuildWish(params) : repairWish(params);
  return wish === null ? null : JSON.stringify([kind, wish]);
}

function rebuildWish({ from, dryRun }: JobFields) {
  const parsed = typeof from === 'string' ? parseRebuildFrom(from) : undefined;
  return parsed === undefined ? null : [parsed, dryRun === true];
}

function repairWish({ addresses }: JobFields) {
  if (addresses === undefined || addresses === null) return 'all';
  return Array.isArray(addresses) ? [...new Set<unknown>(addresses)].sort() : null;
}
