import type { Pool } from 'pg';
import { inTransaction } from '../../database/transaction.js';
import type { MismatchKind, ObserveProof } from '../model/proof-events.js';
import { tellMismatches } from './mismatch-events.js';
import { refuseUnfinishedBooks } from './unfinished-books.js';
import { noteVerification } from './verification-queries.js';
import { isWrong, type Verification, verifyBooks } from './verify-books.js';

export type VerificationDeps = {
  readonly pool: Pool;
  readonly requestedBy: string;
  readonly observe: ObserveProof;
  readonly now: () => Date;
};

/**
 * Holds the books against each other, and tells what differs: what is observed, and an event of each a day.
 *
 * @throws where they can't be read, or are still being made again after a restore
 */
export async function verifyNow(deps: VerificationDeps): Promise<void> {
  const { pool, requestedBy, observe, now } = deps;
  await refuseUnfinishedBooks(pool);
  const found = await verifyBooks(pool);
  const shown = mismatchesOf(found);
  const { balances, entries, totalMismatches: mismatches, overdueSealings, reserves } = found;
  // First: what took minutes to find isn't lost because nothing can be written.
  observe({
    type: 'verified',
    balances,
    entries,
    mismatches,
    shown,
    shortfalls: reserves.filter((one) => one.shortfall),
    overdueSealings,
    manualEntries: found.manualEntries.count,
  });
  await inTransaction(pool, async (tx) => {
    await noteVerification(tx, requestedBy, found);
    await tellMismatches(tx, now(), shown);
  });
}

function mismatchesOf(found: Verification): [MismatchKind, object][] {
  const { seals } = found;
  const named = (kind: MismatchKind, shown: readonly object[]) =>
    shown.map((one): [MismatchKind, object] => [kind, one]);
  return [
    ...named('balance', found.mismatches),
    ...named('ledger', found.ledger.shown),
    ...named('orphan', found.orphans.shown),
    ...named('unfounded', found.unfounded.shown),
    ...named('held', found.held.shown),
    ...named('payout', found.payouts.shown),
    ...named('pause', found.pauseTakenAway === null ? [] : [found.pauseTakenAway]),
    ...named('references', found.references.shown),
    ...named('early_confirmation', found.earlyConfirmations.shown),
    ...named('sealed_rows', seals.changed.shown),
    ...named('seal', seals.broken.shown),
    ...named('noted_seal', seals.notAsNoted),
    ...named('digest', found.digests.filter(isWrong)),
  ];
}
