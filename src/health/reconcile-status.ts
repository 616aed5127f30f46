import type { Coverage } from '../reconcile/schedule/coverage-queries.js';
import type { ProofReading } from './reconcile-reads.js';

/** What `/status` says of proving the books; null where it couldn't be read, or never was. */
export type ProofStatusView = ReturnType<typeof tellProof>;

export function tellProof(reading: ProofReading | null, coverage: Coverage | null) {
  return {
    lastReconciliation: showRun(reading),
    /** Open ones by type, of all runs. */
    discrepancies: reading?.open ?? null,
    reconciliationCoverage:
      coverage === null
        ? null
        : {
            reconciledRatio: coverage.reconciledRatio,
            oldestSeconds:
              coverage.oldestSeconds === null ? null : Math.round(coverage.oldestSeconds),
          },
    lastBackup: showBackup(reading),
    schedules:
      reading?.schedules.map((one) => ({
        ...one,
        lastDue: one.lastDue.toISOString(),
        lastFinishedAt: one.lastFinishedAt?.toISOString() ?? null,
      })) ?? null,
  };
}

function showRun(reading: ProofReading | null) {
  const run = reading?.lastReconciliation ?? null;
  if (run === null) return null;
  const { id, startedAt, finishedAt, slot, blockHash, blockHeight } = run;
  const { matched, mismatched, missing, extra, repaired, open, addresses } = run;
  const point = { slot, blockHash, blockHeight };
  const counts = { matched, mismatched, missing, extra, repaired, open, addresses };
  return { id, startedAt, finishedAt, ...point, ...counts };
}

function showBackup(reading: ProofReading | null) {
  const backup = reading?.lastBackup ?? null;
  if (backup === null) return null;
  return {
    kind: backup.kind,
    finishedAt: backup.finishedAt.toISOString(),
    file: backup.file,
    bytes: backup.bytes === null ? null : Number(backup.bytes),
    blockHeight: backup.blockHeight === null ? null : Number(backup.blockHeight),
  };
}
