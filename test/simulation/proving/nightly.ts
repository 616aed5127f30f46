import type pg from 'pg';
import { NotComparable } from '../../../src/reconcile/runs/comparison-point.js';
import { reconcileNightly } from '../../../src/reconcile/schedule/reconcile-nightly.js';
import { createLeadership } from '../../../src/sync/leadership.js';
import { chainViewOf } from '../chain-view.js';
import { type Instance, isFilling, isHonest, type Leading, type World } from '../state.js';

type Run = {
  readonly id: string;
  readonly state: string;
  readonly differences: number;
  readonly problem: string | null;
};

const LAST = `
  select id, state, (mismatched + missing + extra)::int as differences, problem
    from reconciliation_runs where requested_by = 'schedule' order by id desc limit 1`;

/** What a leader does every night, as far as the world lets it; the next one goes on where it ended. */
export async function compareNightly(
  world: World,
  self: Instance,
  pool: pg.Pool,
  { term, handlers }: Leading,
): Promise<void> {
  const { scheduler, tally } = world;
  const lastRun = async (): Promise<Run | undefined> =>
    (await scheduler.busy(() => world.pool.query<Run>(LAST))).rows[0];
  const { signal } = new AbortController();
  const leadership = createLeadership(pool, term, (found) => handlers.learn?.(found), signal);
  const before = await lastRun();
  try {
    await reconcileNightly({
      chain: chainViewOf(world, self.beside),
      hotWallet: world.hotWallet,
      observe: () => undefined,
      now: () => new Date(),
      pause: () => scheduler.aside(self.beside, 'pausing'),
      pacing: { pauseMs: 0, pauseShare: 0 },
      heartbeatMs: 2 ** 31 - 1,
    })(leadership);
  } catch (error) {
    if (error instanceof NotComparable) return;
    throw error;
  }
  const run = await lastRun();
  if (run?.state !== 'finished') return;
  tally.nightly += 1;
  if (before?.state === 'running' && before.id === run.id) tally.nightlyGoneOn += 1;
  const isSound = isHonest(world) && !isFilling(world);
  if (isSound && (run.differences > 0 || run.problem !== null)) {
    throw new Error(`the books are sound, and a night found ${JSON.stringify(run)}`);
  }
}
