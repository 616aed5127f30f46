import type { Tx } from '../database/transaction.js';
import { auditGuard, type GuardAudit, type GuardRow, saveReasons } from './guard-queries.js';
import { isAlarm, isSame, type Reason } from './reasons.js';

/** Writes what is wrong with the chain now, and into the audit log what that changed of alarms. */
export async function writeReasons(
  tx: Tx,
  partitionId: number,
  at: Date,
  before: GuardRow,
  reasons: readonly Reason[],
): Promise<void> {
  await saveReasons(tx, partitionId, at, reasons);
  await auditGuard(tx, partitionId, at, 'chain', changes(before.reasons, reasons));
}

function changes(before: readonly Reason[], after: readonly Reason[]): GuardAudit[] {
  // Each rollback and each fork is one of its own.
  const isNew = (reason: Reason): boolean =>
    !before.filter(isAlarm).some((one) => isSame(one, reason) && one.since === reason.since);
  const begun = after.filter(isAlarm).filter(isNew);
  const over = before.filter(
    (reason) => reason.kind !== 'unheard' && !after.some((one) => isSame(one, reason)),
  );
  return [
    ...over.map((reason) => ({ action: 'guard.released' as const, details: { reason } })),
    ...begun.map((reason) => ({ action: 'guard.held' as const, details: { reason } })),
  ];
}
