import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeDatabaseError } from '../../database/pool.js';
import { TermOver } from '../../sync/follower.js';
import type { Leadership, LeadingTask } from '../../sync/leadership.js';
import type { ObserveProof } from '../model/proof-events.js';
import { JobImpossible, JobTaken, type JobWork, type RunningJob } from './job.js';
import {
  endJob,
  type JobFields,
  type JobKind,
  noteProblem,
  openJobs,
  readJob,
  saveProgress,
  type TakenJob,
  takeJob,
} from './job-queries.js';
import { ATTEMPTS_MAX, attemptsFor, lastingProblem } from './retry.js';

export type JobRunnerDeps = {
  readonly work: Readonly<Record<JobKind, JobWork>>;
  readonly observe: ObserveProof;
  /** Waits; rejects when the signal aborts. The simulation has its own. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
};

/** How long whoever asked waits for somebody to begin. */
const LOOK_EVERY_MS = 1_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MS_MAX = 30_000;

/** Works on what was asked for, one job after the other, for as long as the term lasts. */
export const runJobs =
  (deps: JobRunnerDeps): LeadingTask =>
  async (leadership) => {
    const { signal, pool, partitionId } = leadership;
    const pause = deps.pause ?? realPause;
    while (!signal.aborted) {
      try {
        const open = await openJobs(pool, partitionId);
        if (open.length > 0) await takeAndWork(deps, leadership, pause);
      } catch (error) {
        if (error instanceof TermOver) return;
        // A database that is away ends the term by itself, or comes back.
      }
      await pause(LOOK_EVERY_MS, signal).catch(() => undefined);
    }
  };

const realPause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await sleep(ms, undefined, { signal });
};

async function takeAndWork(
  deps: JobRunnerDeps,
  leadership: Leadership,
  pause: NonNullable<JobRunnerDeps['pause']>,
): Promise<void> {
  const runner = randomUUID();
  const job = await leadership.write((tx) => takeJob(tx, leadership.partitionId, runner));
  if (job === null) return;
  const stopped = new AbortController();
  const signal = AbortSignal.any([leadership.signal, stopped.signal]);
  const watching = watchForEnd(leadership, job.id, stopped, pause);
  try {
    await attempts(deps, leadership, job, runner, signal, pause);
  } finally {
    stopped.abort(new JobTaken('done with it'));
    await watching;
  }
}

/** Somebody may cancel it while nothing of it is written. */
async function watchForEnd(
  { pool, signal }: Leadership,
  id: string,
  stopped: AbortController,
  pause: NonNullable<JobRunnerDeps['pause']>,
): Promise<void> {
  const either = AbortSignal.any([signal, stopped.signal]);
  const over = (): boolean => either.aborted;
  while (!over()) {
    await pause(LOOK_EVERY_MS, either).catch(() => undefined);
    if (over()) return;
    const job = await readJob(pool, id).catch(() => undefined);
    if (job === undefined || job?.state === 'running') continue;
    return stopped.abort(new JobTaken(`job ${id} is ${job?.state ?? 'gone'}`));
  }
}

async function attempts(
  deps: JobRunnerDeps,
  leadership: Leadership,
  taken: TakenJob,
  runner: string,
  signal: AbortSignal,
  pause: NonNullable<JobRunnerDeps['pause']>,
): Promise<void> {
  let result: JobFields | null = null;
  const ended = new Map<number, number>();
  const tell = (outcome: 'done' | 'failed' | 'cancelled', reason: string | null): void => {
    const { id: jobId, kind } = taken;
    const did = outcome === 'done' ? result : null;
    deps.observe({ type: 'job_finished', jobId, kind, outcome, reason, result: did });
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const now = attempt === 1 ? taken : await readJob(leadership.pool, taken.id);
      if (now === null) throw new JobTaken(`job ${taken.id} is gone`);
      const job = inHands({ ...now, startedAt: taken.startedAt }, leadership, runner, signal);
      const complete: RunningJob['complete'] = async (tx, did) => {
        await job.complete(tx, did);
        result = did;
      };
      await deps.work[now.kind]({ ...job, complete });
      return tell('done', null);
    } catch (error) {
      if (leadership.signal.aborted || error instanceof TermOver) return;
      if (error instanceof JobTaken || signal.reason instanceof JobTaken) {
        return tell('cancelled', 'somebody ended it');
      }
      const most = attemptsFor(error);
      ended.set(most, (ended.get(most) ?? 0) + 1);
      const isOver = most < ATTEMPTS_MAX && ended.get(most) === most;
      const problem = isOver ? lastingProblem(taken.kind, error) : describeDatabaseError(error);
      if (isOver || error instanceof JobImpossible || attempt === ATTEMPTS_MAX) {
        await leadership.write((tx) => endJob(tx, taken.id, runner, { state: 'failed', problem }));
        return tell('failed', problem);
      }
      await noteProblem(leadership.pool, taken.id, runner, problem).catch(() => undefined);
      const waitMs = Math.min(RETRY_MS_MAX, RETRY_FIRST_MS * 2 ** Math.min(attempt - 1, 10));
      await pause(waitMs, signal).catch(() => undefined);
    }
  }
}

const inHands = (
  job: TakenJob,
  leadership: Leadership,
  runner: string,
  signal: AbortSignal,
): RunningJob => ({
  id: job.id,
  kind: job.kind,
  params: job.params,
  requestedBy: job.requestedBy,
  startedAt: job.startedAt,
  progress: job.progress,
  leadership,
  signal,
  save: async (tx, progress) => {
    if (!(await saveProgress(tx, job.id, runner, progress))) throw takenFrom(job.id);
  },
  tell: (progress) => {
    saveProgress(leadership.pool, job.id, runner, progress).catch(() => undefined);
  },
  complete: async (tx, result) => {
    if (!(await endJob(tx, job.id, runner, { state: 'done', result }))) throw takenFrom(job.id);
  },
});

const takenFrom = (id: string): JobTaken =>
  new JobTaken(`job ${id} was cancelled, or another leader works on it`);
