import { setTimeout as sleep } from 'node:timers/promises';
import { describeDatabaseError, isTransient } from '../../database/pool.js';
import type { Queryable } from '../../database/transaction.js';
import { type Job, type JobAhead, jobAhead, readJob } from './job-queries.js';

const LOOK_EVERY_MS = 250;
/** A restart or a failover of the database takes less. */
const PATIENCE_MS = 60_000;

/** The database was away for longer than anybody waits. The job is where it was, and goes on. */
export class JobOutOfSight extends Error {
  override readonly name = 'JobOutOfSight';
  constructor(
    readonly state: Job['state'],
    readonly reason: string,
  ) {
    super(`the database can't be reached: ${reason}`);
  }
}

/** @param ahead what is worked on before it, while it is queued */
export type TellJob = (job: Job, ahead: JobAhead | null) => void;

export type WhileAway = {
  /** Told once, when the database can't be reached; it is asked again and again meanwhile. */
  readonly away?: (reason: string) => void;
  readonly patienceMs?: number;
};

type Seen = { readonly job: Job | null; readonly ahead: JobAhead | null };

/**
 * Waits until a job has ended, whoever works on it, also while the database is away for a moment.
 *
 * @param tell what is known of it, each time somebody looks
 * @returns as it ended; rejects when the signal aborts
 * @throws JobOutOfSight
 */
export async function followJob(
  db: Queryable,
  id: string,
  tell: TellJob,
  signal: AbortSignal,
  { away, patienceMs = PATIENCE_MS }: WhileAway = {},
): Promise<Job> {
  let state: Job['state'] = 'queued';
  let awaySince: number | null = null;
  for (;;) {
    const seen = await look(db, id);
    if (typeof seen === 'string') {
      if (awaySince === null) away?.(seen);
      awaySince ??= performance.now();
      if (performance.now() - awaySince >= patienceMs) throw new JobOutOfSight(state, seen);
    } else {
      const { job, ahead } = seen;
      if (job === null) throw new Error(`job ${id} is gone`);
      awaySince = null;
      state = job.state;
      tell(job, ahead);
      if (state !== 'queued' && state !== 'running') return job;
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** @returns why the database can't be reached, where it can't */
async function look(db: Queryable, id: string): Promise<Seen | string> {
  try {
    const job = await readJob(db, id);
    return { job, ahead: job?.state === 'queued' ? await jobAhead(db, id) : null };
  } catch (error) {
    if (isTransient(error)) return describeDatabaseError(error);
    throw error;
  }
}
