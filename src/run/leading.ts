import type { Pool } from 'pg';
import type { Config } from '../config.js';
import { logGuardEvent } from '../health/guard-log-events.js';
import type { Logger } from '../health/logging.js';
import type { Metrics } from '../health/metrics.js';
import { logProofEvent } from '../health/proof-log-events.js';
import { backupByPlan } from '../reconcile/backup/backup-by-plan.js';
import { longestIntervalSeconds } from '../reconcile/backup/interval.js';
import type { ProofEvent } from '../reconcile/model/proof-events.js';
import { compareContinuously } from '../reconcile/schedule/continuous.js';
import { reconcilePlan } from '../reconcile/schedule/reconcile-nightly.js';
import { type Plan, schedules } from '../reconcile/schedule/schedules.js';
import { sealing } from '../reconcile/seals/sealing.js';
import { booksBeingMade } from '../reconcile/verify/unfinished-books.js';
import type { LeadingTask } from '../sync/leadership.js';
import { readVersion } from '../version.js';
import { guardTaskOf } from './guard.js';
import { jobsOf, provingParts } from './proving.js';
import { verifyAfter, verifyBeside } from './verifying.js';

export type LeadingParts = {
  readonly pool: Pool;
  readonly roles: readonly string[];
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Told what proving the books tells, besides the log. */
  readonly onProofEvent?: (event: ProofEvent) => void;
};

/**
 * What a leader does besides following: seals what was appended, watches whether the chain can be relied on,
 * works on what was asked for; and, with the role scheduler, compares all the time and by night.
 */
export function leadingTasks(config: Config, parts: LeadingParts): readonly LeadingTask[] {
  const { log, onProofEvent } = parts;
  const observe = (event: ProofEvent): void => {
    logProofEvent(log, event);
    onProofEvent?.(event);
  };
  const always = [
    sealing(observe),
    guardTaskOf(config, (event) => logGuardEvent(log, event)),
    jobsOf(config, observe, verifyAfter(config, log)),
  ];
  if (!parts.roles.includes('scheduler')) return always;
  const proving = { ...provingParts(config, observe), random: Math.random };
  return [
    ...always,
    compareContinuously(proving),
    ...schedules({ now: Date.now, observe }, plansOf(config, parts, observe)),
  ];
}

function plansOf(
  config: Config,
  { pool, log, metrics }: LeadingParts,
  observe: (event: ProofEvent) => void,
): readonly Plan[] {
  const plans: Plan[] = [
    reconcilePlan(config.reconcileCron, provingParts(config, observe)),
    {
      name: 'verify',
      cron: config.verifyCron,
      run: ({ signal }) => verifyBeside(config, log, signal, 'schedule'),
      notYet: ({ pool }) => booksBeingMade(pool),
    },
  ];
  const { backupCron: cron, backupDirectory: directory } = config;
  if (cron === null || directory === null) return plans;
  metrics.backups.schedule(longestIntervalSeconds(cron, new Date()));
  const backup = {
    pool,
    directory,
    observe,
    url: config.databaseDirectUrl.reveal(),
    network: config.network.name,
    version: readVersion(),
    now: () => new Date(),
  };
  return [
    ...plans,
    {
      name: 'backup',
      cron,
      run: async ({ signal }) => {
        await backupByPlan({ ...backup, signal });
      },
    },
  ];
}
