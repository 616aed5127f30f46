import type { Pool } from 'pg';
import { inTransaction } from '../database/transaction.js';
import { auditGuard, type GuardRow, lockGuard, noteRelease, saveReasons } from './guard-queries.js';

export type Release = {
  /** False where nothing was held. */
  readonly changed: boolean;
  readonly guard: GuardRow;
};

/**
 * A person takes it upon them: confirming and paying go on at once. What is wrong with the chain now holds
 * nothing any more until it was over; what is wrong with it later does.
 */
export const releaseGuard = (
  pool: Pool,
  partitionId: number,
  actor: string,
  why: string,
): Promise<Release> =>
  inTransaction(pool, async (tx) => {
    const guard = await lockGuard(tx, partitionId);
    if (guard.heldAt === null) return { changed: false, guard };
    const at = new Date();
    const released = { at: at.toISOString(), by: actor, why };
    const reasons = guard.reasons.map((reason) =>
      reason.released === null ? { ...reason, released } : reason,
    );
    await saveReasons(tx, partitionId, at, reasons);
    await noteRelease(tx, partitionId, at, actor);
    const passed = guard.reasons.filter((reason) => reason.released === null);
    const details = { why, reasons: passed };
    await auditGuard(tx, partitionId, at, actor, [{ action: 'guard.released', details }]);
    return { changed: true, guard: await lockGuard(tx, partitionId) };
  });
