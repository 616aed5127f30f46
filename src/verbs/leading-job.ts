import type { Config } from '../config.js';
import { createPool } from '../database/pool.js';
import { followJob } from '../reconcile/jobs/follow-job.js';
import { type Job, type JobRequest, requestJob } from '../reconcile/jobs/job-queries.js';
import { CHAIN_SETTINGS, type ChainSettings, syncDeps } from '../run/chain.js';
import { jobsOf } from '../run/proving.js';
import { runSync } from '../sync/worker.js';

/** What a verb needs to ask a leader for something, or to lead where nobody does. */
export const LEADING_SETTINGS = CHAIN_SETTINGS;
export type LeadingSettings = ChainSettings;

/** Following, a job and looking at it: some connections each. */
const CONNECTIONS_MAX = 6;

/**
 * Asks for a job and waits for its end. Where an instance leads it does it; where none does this process
 * becomes the leader until it is done: it stands by for the lock like any instance.
 *
 * @param tell what is known of the job, several times a second
 * @param signal ends the waiting, not the job
 */
export async function doAsLeader(
  settings: LeadingSettings,
  request: Pick<JobRequest, 'kind' | 'params' | 'requestedBy'>,
  tell: (job: Job) => void,
  signal: AbortSignal,
): Promise<Job> {
  const pool = poolOf(settings);
  const done = new AbortController();
  try {
    const id = await requestJob(pool, { ...request, partitionId: settings.partitionId });
    const deps = {
      ...syncDeps(settings, pool, () => undefined),
      leading: [jobsOf(settings, () => undefined)],
    };
    const either = AbortSignal.any([signal, done.signal]);
    const leading = runSync(deps, either);
    // Who can't lead says why at once; otherwise it only ends with the job.
    const failed = leading.then(() => new Promise<never>(() => undefined));
    try {
      return await Promise.race([followJob(pool, id, tell, either), failed]);
    } finally {
      done.abort(new Error('the job has ended'));
      await leading.catch(() => undefined);
    }
  } finally {
    await pool.end();
  }
}

const poolOf = (settings: Pick<Config, 'databaseUrl' | 'databaseDirectUrl'>) =>
  createPool({
    url: settings.databaseUrl.reveal(),
    connectionsMax: CONNECTIONS_MAX,
    applicationName: 'teller verb',
    behindPooler: settings.databaseDirectUrl.reveal() !== settings.databaseUrl.reveal(),
    onIdleError: () => undefined,
  });
