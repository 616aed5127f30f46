import { setTimeout as sleep } from 'node:timers/promises';
import { schedule } from 'node-cron';
import { describeDatabaseError } from '../../database/pool.js';
import { TermOver } from '../../sync/follower.js';
import type { Leadership, LeadingTask } from '../../sync/leadership.js';
import type { ObserveProof } from '../model/proof-events.js';
import { latestDue } from './due-times.js';
import { claim, endAttempt, readSchedule } from './schedule-queries.js';
import { ATTEMPTS_MAX, nextStep, type Step } from './schedule-step.js';

export type Plan = {
  /** What the database remembers it by. */
  readonly name: string;
  readonly cron: string;
  /** Rejects where it wasn't done; then it is tried again a few times. */
  readonly run: (leadership: Leadership) => Promise<void>;
  /** Why it can't be done yet, where that ends by itself: it is put off, and no try is counted. */
  readonly notYet?: (leadership: Leadership) => Promise<string | null>;
};

export type ScheduleDeps = {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly observe: ObserveProof;
};

/**
 * One task of a leader for each plan. The database remembers for which time each last ran, so that two
 * leaders never run it for the same one, and that what was due while nobody led is made up for when the
 * next term begins.
 */
export const schedules = (deps: ScheduleDeps, plans: readonly Plan[]): readonly LeadingTask[] =>
  plans.map((plan) => (leadership) => keepSchedule(deps, plan, leadership));

/** However wrong the machine's clock goes, and whatever tick gets lost: this often it is looked at. */
const LOOK_MS_MAX = 60_000;
const TROUBLE_MS = 10_000;

async function keepSchedule(deps: ScheduleDeps, plan: Plan, leadership: Leadership): Promise<void> {
  const { signal } = leadership;
  const ticks = watchTicks(plan.cron);
  let trouble: string | null = null;
  try {
    while (!signal.aborted) {
      const woken = ticks.next();
      try {
        const step = await decide(deps, plan, leadership, ticks.latest());
        const reason = step.type === 'run' ? await plan.notYet?.(leadership) : undefined;
        if (typeof reason === 'string') {
          const lasts = { type: 'schedule_postponed', schedule: plan.name, reason } as const;
          if (reason !== trouble) deps.observe(lasts);
          trouble = reason;
          await untilWoken(TROUBLE_MS, signal, woken);
          continue;
        }
        if (step.type === 'wait') await untilWoken(waitMs(step, deps.now()), signal, woken);
        else if (!(await take(deps, plan, leadership, step))) {
          await untilWoken(TROUBLE_MS, signal, woken);
        }
        trouble = null;
      } catch (error) {
        if (error instanceof TermOver) return;
        // A database that is away ends the term, or comes back.
        const reason = describeDatabaseError(error);
        const lasts = { type: 'schedule_failed', schedule: plan.name, reason } as const;
        if (reason !== trouble) deps.observe({ ...lasts, triesLeft: ATTEMPTS_MAX });
        trouble = reason;
        await untilWoken(TROUBLE_MS, signal, signal);
      }
    }
  } finally {
    await ticks.stop();
  }
}

type Ticks = {
  /** Aborts at the next one. */
  next(): AbortSignal;
  /** For which time the last one was; a timer may fire a moment before it. */
  latest(): number;
  stop(): unknown;
};

function watchTicks(cron: string): Ticks {
  let waiting = new AbortController();
  let latest = 0;
  const task = schedule(
    cron,
    ({ date }) => {
      latest = date.getTime();
      waiting.abort();
    },
    { suppressMissedWarning: true },
  );
  return {
    next: () => {
      waiting = new AbortController();
      return waiting.signal;
    },
    latest: () => latest,
    stop: () => task.destroy(),
  };
}

async function decide(
  deps: ScheduleDeps,
  plan: Plan,
  { pool }: Leadership,
  ticked: number,
): Promise<Step> {
  const now = new Date(Math.max(deps.now(), ticked));
  return nextStep(await readSchedule(pool, plan.name), latestDue(plan.cron, now), now);
}

const waitMs = ({ retryAt }: Extract<Step, { type: 'wait' }>, now: number): number =>
  retryAt === null ? LOOK_MS_MAX : Math.min(LOOK_MS_MAX, Math.max(0, retryAt.getTime() - now));

async function untilWoken(ms: number, signal: AbortSignal, woken: AbortSignal): Promise<void> {
  const either = AbortSignal.any([signal, woken]);
  await sleep(ms, undefined, { signal: either }).catch(() => undefined);
}

/** @returns false where somebody else has it */
async function take(
  deps: ScheduleDeps,
  plan: Plan,
  leadership: Leadership,
  step: Exclude<Step, { type: 'wait' }>,
): Promise<boolean> {
  const attempt = {
    name: plan.name,
    due: step.due,
    attempt: step.type === 'run' ? step.attempt : 0,
  };
  // Behind the fence: who only believes to lead begins nothing.
  const isOurs = await leadership.write((tx) => claim(tx, attempt));
  if (!isOurs || step.type === 'note') return isOurs;
  let problem: string | null = null;
  try {
    await plan.run(leadership);
  } catch (error) {
    // Cut short, it stays as it is: the next leader goes on with it.
    if (leadership.signal.aborted || error instanceof TermOver) return true;
    problem = describeDatabaseError(error);
    const triesLeft = ATTEMPTS_MAX - attempt.attempt;
    deps.observe({ type: 'schedule_failed', schedule: plan.name, reason: problem, triesLeft });
  }
  await endAttempt(leadership.pool, attempt, problem, new Date(deps.now()));
  return true;
}
