import { setTimeout as sleep } from 'node:timers/promises';
import type { Queryable } from '../../database/transaction.js';
import { type Job, readJob } from './job-queries.js';

const LOOK_EVERY_MS = 250;

/**
 * Waits until a job has ended, whoever works on it.
 *
 * @param tell what is known of it, each time somebody looks
 * @returns as it ended; rejects when the signal aborts
 */
export async function followJob(
  db: Queryable,
  id: string,
  tell: (job: Job) => void,
  signal: AbortSignal,
): Promise<Job> {
  for (;;) {
    const job = await readJob(db, id);
    if (job === null) throw new Error(`job ${id} is gone`);
    tell(job);
    if (job.state !== 'queued' && job.state !== 'running') return job;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}
