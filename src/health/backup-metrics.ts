import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';
import type { Queryable } from '../database/transaction.js';
import { shared, withDeadline } from './in-flight.js';

/** The last backup of a set that was written, as the table of backups has it. */
export type LastBackup = {
  readonly set: string;
  readonly at: Date;
  readonly bytes: number;
};

const LAST_BACKUPS = `
  select distinct on (kind) kind as set, finished_at as at, bytes::float8 as bytes
    from backups where finished_at is not null and problem is null
   order by kind, finished_at desc`;

export const readLastBackups = async (db: Queryable): Promise<LastBackup[]> =>
  (await db.query<LastBackup>(LAST_BACKUPS)).rows;

const SAMPLE_KEPT_MS = 5_000;
const REST_RATIO = 20;
const DEADLINE_MS = 3_000;

/** What a scrape reads; null is what didn't come in time. */
export function backupSamples(deps: {
  readonly pool: Pool;
  readonly now: () => number;
}): () => Promise<readonly LastBackup[] | null> {
  const ask = shared(() => readLastBackups(deps.pool), SAMPLE_KEPT_MS, REST_RATIO, deps.now);
  return () => withDeadline(ask(), DEADLINE_MS).catch(() => null);
}

export type BackupMetrics = {
  /** From the database, so that a new leader tells of the old one's backups. */
  readonly sample: (backups: readonly LastBackup[] | null) => void;
  /** Where BACKUP_CRON is set: the longest time between two backups. */
  readonly schedule: (intervalSeconds: number) => void;
};

export function backupMetrics(registry: Registry): BackupMetrics {
  const registers = [registry];
  const labelNames = ['set'];
  const at = new Gauge({
    name: 'backup_last_success_timestamp_seconds',
    help: 'When the last backup of a set was written and read back',
    labelNames,
    registers,
  });
  const bytes = new Gauge({
    name: 'backup_last_size_bytes',
    help: 'Size of the last backup of a set',
    labelNames,
    registers,
  });
  const scheduled = new Gauge({
    name: 'backup_scheduled',
    help: '1 where BACKUP_CRON is set',
    registers,
  });
  const interval = new Gauge({
    name: 'backup_interval_seconds',
    help: 'Longest time between two backups by BACKUP_CRON',
    registers,
  });
  // What isn't known, or isn't asked for, has no series.
  scheduled.remove();
  interval.remove();
  return {
    sample: (backups) => {
      at.reset();
      bytes.reset();
      for (const backup of backups ?? []) {
        at.set({ set: backup.set }, backup.at.getTime() / 1000);
        bytes.set({ set: backup.set }, backup.bytes);
      }
    },
    schedule: (intervalSeconds) => {
      scheduled.set(1);
      interval.set(intervalSeconds);
    },
  };
}
