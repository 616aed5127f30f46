import type { Pool } from 'pg';
import { inTransaction } from '../database/transaction.js';
import {
  auditGuard,
  type GuardRow,
  lockGuard,
  noteRelease,
  saveReasons,
  waitForBlock,
} from './guard-queries.js';
import type { Reason } from './reasons.js';

export type Release = {
  /** False where nothing was held. */
  readonly changed: boolean;
  readonly guard: GuardRow;
  /** What was let pass by this. */
  readonly passed: readonly Reason[];
};

/**
 * A person takes it upon them: confirming and paying go on at once. What is wrong with the chain now holds
 * nothing any more until it was over; what is wrong with it later does.
 *
 * @param asOf when the person looked: what began since then goes on holding, nobody has seen it; null: all of it
 */
export const releaseGuard = (
  pool: Pool,
  partitionId: number,
  actor: string,
  why: string,
  asOf: Date | null = null,
): Promise<Release> =>
  inTransaction(pool, async (tx) => {
    await waitForBlock(tx, partitionId);
    const guard = await lockGuard(tx, partitionId);
    if (guard.heldAt === null) return { changed: false, guard, passed: [] };
    const at = new Date();
    const released = { at: at.toISOString(), by: actor, why };
    const isSeen = ({ released: before, since }: Reason): boolean =>
      before === null && (asOf === null || Date.parse(since) <= asOf.getTime());
    const passed = guard.reasons.filter(isSeen);
    if (passed.length === 0) return { changed: false, guard, passed };
    const reasons = guard.reasons.map((reason) =>
      isSeen(reason) ? { ...reason, released } : reason,
    );
    await saveReasons(tx, partitionId, at, reasons);
    await noteRelease(tx, partitionId, at, actor);
    const details = { why, reasons: passed };
    await auditGuard(tx, partitionId, at, actor, [{ action: 'guard.released', details }]);
    return { changed: true, guard: await lockGuard(tx, partitionId), passed };
  });
