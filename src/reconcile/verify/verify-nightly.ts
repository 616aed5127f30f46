import { schedule } from 'node-cron';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { describeDatabaseError } from '../../database/pool.js';
import { isWrong, type Verification, verifyBooks } from './verify-books.js';

export type VerificationDeps = {
  readonly cron: string;
  readonly pool: Pool;
  /** Several instances run; one verifies. */
  readonly isLeader: () => boolean;
  readonly setBalanceMismatches: (count: number) => void;
  readonly log: Logger;
};

/** Holds the books against each other at VERIFY_CRON. @returns what ends the schedule */
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
    const found = await verifyBooks(deps.pool);
    deps.setBalanceMismatches(found.totalMismatches);
    for (const [kind, mismatch] of mismatchesOf(found)) {
      log.error({ event: 'balance_mismatch', kind, ...mismatch }, MESSAGES[kind]);
    }
    for (const { unit, owed, treasury } of found.reserves.filter((one) => one.shortfall)) {
      log.warn(
        { event: 'reserves_short', unit, owed, treasury },
        'the wallets hold less than users are owed',
      );
    }
    const { balances, entries, totalMismatches: mismatches } = found;
    log.info({ event: 'balances_verified', balances, entries, mismatches }, 'balances verified');
  } catch (error) {
    const problem = describeDatabaseError(error);
    log.error({ event: 'verification_failed', problem }, 'balances could not be verified');
  }
}

const MESSAGES = {
  balance: 'a balance is not the sum of its entries',
  ledger: 'a payment or payout is booked otherwise than it stands',
  orphan: 'an entry is of a payment or payout that does not exist',
  held: 'what is held of a user is not what open payouts hold',
  payout: 'a payout is not what its transactions say',
  sealed_rows: 'rows were edited, deleted or added after they were sealed',
  seal: 'a seal does not follow from the one before it',
  noted_seal: 'a seal is not what was noted of it',
  digest: 'the state digest is not that of its tables',
} as const;

function mismatchesOf(found: Verification): [keyof typeof MESSAGES, object][] {
  const { seals } = found;
  const named = (kind: keyof typeof MESSAGES, shown: readonly object[]) =>
    shown.map((one): [keyof typeof MESSAGES, object] => [kind, one]);
  return [
    ...named('balance', found.mismatches),
    ...named('ledger', found.ledger.shown),
    ...named('orphan', found.orphans.shown),
    ...named('held', found.held.shown),
    ...named('payout', found.payouts.shown),
    ...named('sealed_rows', seals.changed.shown),
    ...named('seal', seals.broken.shown),
    ...named('noted_seal', seals.notAsNoted),
    ...named('digest', found.digests.filter(isWrong)),
  ];
}
