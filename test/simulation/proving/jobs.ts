import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { JobTaken, type RunningJob } from '../../../src/reconcile/jobs/job.js';
import { endJob, saveProgress, takeJob } from '../../../src/reconcile/jobs/job-queries.js';
import { repairJob } from '../../../src/reconcile/jobs/repair.js';
import { rebuild } from '../../../src/reconcile/rebuild/rebuild.js';
import { createLeadership } from '../../../src/sync/leadership.js';
import { chainViewOf } from '../chain-view.js';
import { type Instance, type Leading, POLICY, type World } from '../state.js';

/** Takes the oldest open job, if there is one, and works on it as far as the world lets it. */
export async function workOnJob(
  world: World,
  self: Instance,
  pool: pg.Pool,
  { term, handlers }: Leading,
): Promise<void> {
  const { signal } = new AbortController();
  const { scheduler } = world;
  const learn: RunningJob['leadership']['learn'] = (references) => handlers.learn?.(references);
  const leadership = createLeadership(pool, term, learn, signal);
  // Ids that no seed decides, and that decide nothing.
  const runner = randomUUID();
  const job = await leadership.write((tx) => takeJob(tx, 0, runner));
  if (job === null) return;
  const parts = {
    chain: chainViewOf(world, self.beside),
    hotWallet: world.hotWallet,
    policy: POLICY,
    observe: () => undefined,
    now: () => new Date(),
    pause: () => scheduler.aside(self.beside, 'pausing'),
    pacing: { pauseMs: 0, pauseShare: 0 },
    heartbeatMs: 2 ** 31 - 1,
    slotAt: () => Promise.reject(new Error('no time is asked for')),
  };
  const work = {
    repair: repairJob(parts),
    rebuild: (job: RunningJob) => rebuild(parts, job),
  };
  const running: RunningJob = {
    ...job,
    leadership,
    signal,
    save: async (tx, progress) => {
      if (!(await saveProgress(tx, job.id, runner, progress))) throw new JobTaken('taken');
    },
    tell: () => undefined,
    complete: async (tx, result) => {
      const ended = await endJob(tx, job.id, runner, { state: 'done', result });
      if (!ended) throw new JobTaken('taken');
    },
  };
  try {
    await work[job.kind](running);
    world.tally.jobs += 1;
  } catch (error) {
    if (!(error instanceof JobTaken)) throw error;
  }
}
