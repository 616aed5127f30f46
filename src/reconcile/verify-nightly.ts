import { schedule } from 'node-cron';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { describeDatabaseError } from '../database/pool.js';
import { verifyBalances } from '../payments/balance-reads.js';

export type VerificationDeps = {
  readonly cron: string;
  readonly pool: Pool;
  /** Several instances run; one verifies. */
  readonly isLeader: () => boolean;
  readonly setBalanceMismatches: (count: number) => void;
  readonly log: Logger;
};

/** Recomputes every balance at VERIFY_CRON. @returns what ends the schedule */
export function verifyNightly(deps: VerificationDeps): () => Promise<void> {
  const task = schedule(deps.cron, () => verifyNow(deps), { noOverlap: true });
  return async () => {
    await task.destroy();
  };
}

export async function verifyNow(deps: Omit<VerificationDeps, 'cron'>): Promise<void> {
  const { log } = deps;
  if (!deps.isLeader()) return;
  try {
    const { balances, mismatchCount, mismatches } = await verifyBalances(deps.pool);
    deps.setBalanceMismatches(mismatchCount);
    for (const mismatch of mismatches) {
      log.error(
        { event: 'balance_mismatch', ...mismatch },
        'a balance is not the sum of its entries',
      );
    }
    log.info(
      { event: 'balances_verified', balances, mismatches: mismatchCount },
      'balances verified',
    );
  } catch (error) {
    const problem = describeDatabaseError(error);
    log.error({ event: 'verification_failed', problem }, 'balances could not be verified');
  }
}
