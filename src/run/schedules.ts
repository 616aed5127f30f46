import type { Pool } from 'pg';
import type { Config } from '../config.js';
import { backupByPlan } from '../reconcile/backup/backup-by-plan.js';
import type { ObserveProof } from '../reconcile/model/proof-events.js';
import { reconcile } from '../reconcile/runs/reconcile.js';
import { compareContinuously } from '../reconcile/schedule/continuous.js';
import { type Plan, schedules } from '../reconcile/schedule/schedules.js';
import type { LeadingTask } from '../sync/leadership.js';
import { readVersion } from '../version.js';
import { CHAIN_SETTINGS, type ChainSettings } from './chain.js';
import { provingParts } from './proving.js';

export type ScheduleSettings = ChainSettings &
  Pick<Config, 'reconcileCron' | 'verifyCron' | 'backupCron' | 'backupDirectory'>;

export const SCHEDULE_SETTINGS = [
  ...CHAIN_SETTINGS,
  'reconcileCron',
  'verifyCron',
  'backupCron',
  'backupDirectory',
] as const;

export type ScheduledParts = {
  readonly observe: ObserveProof;
  /** Rejects where the books couldn't be held against each other. */
  readonly verify: (pool: Pool) => Promise<void>;
};

/** What a leader with the role `scheduler` does: each at its times, and comparing all the time. */
export function schedulesOf(
  config: ScheduleSettings,
  { observe, verify }: ScheduledParts,
): readonly LeadingTask[] {
  const { chain, hotWallet, now } = provingParts(config, observe);
  const plans: Plan[] = [
    {
      name: 'reconcile',
      cron: config.reconcileCron,
      run: async ({ pool, partitionId, signal }) => {
        const deps = { pool, partitionId, signal, chain, hotWallet, observe, now };
        await reconcile(deps, { scope: 'full', requestedBy: 'schedule', resume: true });
      },
    },
    { name: 'verify', cron: config.verifyCron, run: ({ pool }) => verify(pool) },
    ...backupPlans(config, observe),
  ];
  return [
    ...schedules({ now: Date.now, observe }, plans),
    compareContinuously({ chain, hotWallet, observe, now, random: Math.random }),
  ];
}

function backupPlans(config: ScheduleSettings, observe: ObserveProof): Plan[] {
  const { backupCron: cron, backupDirectory: directory } = config;
  if (cron === null || directory === null) return [];
  const where = { url: config.databaseDirectUrl.reveal(), network: config.network.name };
  return [
    {
      name: 'backup',
      cron,
      run: async ({ pool }) => {
        const version = readVersion();
        await backupByPlan({ pool, ...where, version, directory, observe }, new Date());
      },
    },
  ];
}
