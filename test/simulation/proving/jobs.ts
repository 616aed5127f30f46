import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { parsePoint, type Slot } from '../../../src/chain/point.js';
import { JobImpossible, JobTaken, type RunningJob } from '../../../src/reconcile/jobs/job.js';
import { endJob, saveProgress, takeJob } from '../../../src/reconcile/jobs/job-queries.js';
import { rebuildJob } from '../../../src/reconcile/jobs/rebuild-work.js';
import { repairJob } from '../../../src/reconcile/jobs/repair.js';
import { createLeadership } from '../../../src/sync/leadership.js';
import { chainViewOf } from '../chain-view.js';
import type { Instance, Leading, World } from '../state.js';

/** Takes the oldest open job, if there is one, and works on it as far as the world lets it. */
export async function workOnJob(
  world: World,
  self: Instance,
  { pool, reading }: { readonly pool: pg.Pool; readonly reading: pg.Pool },
  { term, handlers, policy }: Leading,
): Promise<void> {
  const { signal } = new AbortController();
  const { scheduler } = world;
  const learn: RunningJob['leadership']['learn'] = (references) => handlers.learn?.(references);
  const leading = createLeadership(pool, term, learn, signal);
  // Ids that no seed decides, and that decide nothing.
  const runner = randomUUID();
  const job = await leading.write((tx) => takeJob(tx, 0, runner));
  if (job === null) return;
  const isDry = job.params.dryRun === true;
  const leadership = isDry ? createLeadership(reading, term, learn, signal) : leading;
  const parts = {
    chain: chainViewOf(world, self.beside),
    hotWallet: world.hotWallet,
    policy,
    observe: () => undefined,
    now: () => new Date(),
    pause: () => scheduler.aside(self.beside, 'pausing'),
    pacing: { pauseMs: 0, pauseShare: 0 },
    heartbeatMs: 2 ** 31 - 1,
    slotAt: (time: Date) => Promise.resolve(slotAt(world, time)),
  };
  const work = {
    repair: repairJob(parts),
    rebuild: rebuildJob(parts),
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
    if (error instanceof JobTaken) return;
    if (!(error instanceof JobImpossible)) throw error;
    const { message: problem } = error;
    await leading.write((tx) => endJob(tx, job.id, runner, { state: 'failed', problem }));
  }
}

const DAY_MS = 86_400_000;
const SLOTS_A_DAY = 60;

/** The chain's days are short: what was asked for days ago is some blocks back. */
function slotAt({ chain }: World, time: Date): Slot {
  const days = Math.round((Date.now() - time.getTime()) / DAY_MS);
  const tip = chain.blocks().at(-1)?.slot ?? 0;
  const slot = parsePoint(`${Math.max(0, tip - days * SLOTS_A_DAY)}.${'0'.repeat(64)}`)?.slot;
  if (slot === undefined) throw new Error('no such slot');
  return slot;
}
