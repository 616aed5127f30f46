import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { inTransaction } from '../../database/transaction.js';
import { tellMismatches } from './mismatch-events.js';
import { refuseUnfinishedBooks } from './unfinished-books.js';
import { noteVerification } from './verification-queries.js';
import { isWrong, type Verification, verifyBooks } from './verify-books.js';

export type VerificationDeps = {
  readonly pool: Pool;
  readonly requestedBy: string;
  readonly log: Logger;
};

/**
 * Holds the books against each other, and tells what differs: log, metric, and an event of each a day.
 *
 * @throws where they can't be read, or are still being made again after a restore
 */
export async function verifyNow({ pool, requestedBy, log }: VerificationDeps): Promise<void> {
  await refuseUnfinishedBooks(pool);
  const found = await verifyBooks(pool);
  const mismatches = mismatchesOf(found);
  for (const [kind, mismatch] of mismatches) {
    log.error({ event: 'balance_mismatch', kind, ...mismatch }, MESSAGES[kind]);
  }
  await inTransaction(pool, async (tx) => {
    await noteVerification(tx, requestedBy, found.totalMismatches);
    await tellMismatches(tx, new Date(), mismatches);
  });
  for (const { unit, owed, treasury } of found.reserves.filter((one) => one.shortfall)) {
    log.warn(
      { event: 'reserves_short', unit, owed, treasury },
      'the wallets hold less than users are owed',
    );
  }
  for (const { chain, since } of found.overdueSealings) {
    log.warn({ event: 'sealing_overdue', chain, since }, 'rows are under no seal');
  }
  const { balances, entries, totalMismatches, manualEntries } = found;
  log.info(
    {
      event: 'balances_verified',
      balances,
      entries,
      mismatches: totalMismatches,
      manual_entries: manualEntries.count,
    },
    'balances verified',
  );
}

const MESSAGES = {
  balance: 'a balance is not the sum of its entries',
  ledger: 'a payment or payout is booked otherwise than it stands',
  orphan: 'an entry is of a payment or payout that does not exist',
  unfounded: 'an entry names neither a payment nor a payout, and is not a person’s',
  held: 'what is held of a user is not what open payouts hold',
  payout: 'a payout is not what its transactions say',
  references: 'a payment has not the references of its address',
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
    ...named('unfounded', found.unfounded.shown),
    ...named('held', found.held.shown),
    ...named('payout', found.payouts.shown),
    ...named('references', found.references.shown),
    ...named('sealed_rows', seals.changed.shown),
    ...named('seal', seals.broken.shown),
    ...named('noted_seal', seals.notAsNoted),
    ...named('digest', found.digests.filter(isWrong)),
  ];
}
