import type { BackupSet } from './backup-sets.js';

/** A backup that lies in the directory, as its manifest describes it. */
export type KeptBackup = {
  readonly file: string;
  readonly set: BackupSet;
  readonly createdAt: Date;
};

const DAY_MS = 86_400_000;

/** What is hourly is kept for a week, what is daily longer. */
const KEPT_DAYS: Readonly<Record<BackupSet, number>> = {
  critical: 7,
  addresses: 30,
  all: 90,
};

/** Each time what is critical; the first time of a UTC day the others too. */
export function dueSets(kept: readonly KeptBackup[], now: Date): BackupSet[] {
  const today = dayOf(now);
  const isThere = (set: BackupSet): boolean =>
    kept.some((backup) => backup.set === set && dayOf(backup.createdAt) === today);
  const daily = (['addresses', 'all'] as const).filter((set) => !isThere(set));
  return ['critical', ...daily];
}

/** Those whose time is over. The newest of each set stays, however old it is. */
export const expiredBackups = (kept: readonly KeptBackup[], now: Date): KeptBackup[] =>
  kept.filter(
    (backup) =>
      now.getTime() - backup.createdAt.getTime() > KEPT_DAYS[backup.set] * DAY_MS &&
      kept.some((other) => other.set === backup.set && other.createdAt > backup.createdAt),
  );

/** The newest backup of each set that has any. */
export const newestOfEach = (kept: readonly KeptBackup[]): KeptBackup[] =>
  kept.filter(
    (backup) =>
      !kept.some((other) => other.set === backup.set && other.createdAt > backup.createdAt),
  );

const dayOf = (time: Date): string => time.toISOString().slice(0, 10);
