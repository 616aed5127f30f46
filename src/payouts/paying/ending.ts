import { inTransaction, type Tx } from '../../database/transaction.js';
import { writeEvents } from '../../payments/ledger-queries.js';
import { audit, movePayouts, postEntries } from '../model/books-queries.js';
import { entriesOfRelease } from '../model/entries.js';
import { type Payout, payoutEvent } from '../model/payout.js';
import { PAYOUT_COLUMNS, type PayoutRow, payoutFrom } from '../model/payout-row.js';
import { releaseBatch } from './batch-queries.js';
import { areInDoubt } from './doubts.js';
import type { PayerDeps } from './payer-deps.js';
import { guard, lockBooks, type PayerTerm } from './term-queries.js';

const LOCK_UNSIGNED = `
  select ${PAYOUT_COLUMNS} from outbound_payments p
   where p.id = $1 and p.status = 'queued' and p.batch_id is null for update`;

/** Ends a payout that nothing was ever signed for, or nothing can pay any more: its hold is released. */
export async function failPayout(
  deps: PayerDeps,
  term: PayerTerm,
  id: string,
  reason: string,
): Promise<void> {
  const failed = await inTransaction(deps.pool, async (tx) => {
    const at = await guard(tx, term, await deps.readIdentity(tx));
    return fail(tx, deps, at, id, reason);
  });
  if (failed !== null) deps.observe({ type: 'payout_failed', payout: failed });
}

async function fail(
  tx: Tx,
  deps: PayerDeps,
  at: Date,
  id: string,
  reason: string,
): Promise<Payout | null> {
  const { rows } = await tx.query<PayoutRow>(LOCK_UNSIGNED, [id]);
  const [row] = rows;
  // Left queued: whoever is next to pay it pauses, and says why.
  if (row === undefined || (await areInDoubt(tx, deps, [id], null))) return null;
  const before = payoutFrom(row);
  const after: Payout = { ...before, status: 'failed', failureReason: reason, booked: false };
  await movePayouts(tx, at, [{ before, after }]);
  if (before.booked) await postEntries(tx, at, entriesOfRelease(before));
  await writeEvents(tx, at, [payoutEvent('payout.failed', after)]);
  await audit(tx, at, [
    {
      action: 'payout.failed',
      entityType: 'payout',
      entityId: id,
      actor: 'payer',
      details: { reason },
    },
  ]);
  return after;
}

/**
 * Nothing signed for a batch can be in any chain any more: its payouts are free for another anchor. What
 * nodes refused for what it is comes alone next time; what was refused alone has failed.
 */
export async function letGo(
  deps: PayerDeps,
  term: PayerTerm,
  batchId: string,
  refused: boolean,
): Promise<void> {
  const { released, failed } = await inTransaction(deps.pool, async (tx) => {
    await lockBooks(tx, deps.partitionId);
    const at = await guard(tx, term, await deps.readIdentity(tx));
    const reason = refused
      ? 'refused, and can no longer be in a block'
      : 'can no longer be in a block';
    const ids = await releaseBatch(tx, at, batchId, reason, refused);
    const [only] = ids;
    if (!refused || ids.length !== 1 || only === undefined) return { released: ids, failed: null };
    return {
      released: ids,
      failed: await fail(tx, deps, at, only, 'every node refused its transaction'),
    };
  });
  deps.observe({ type: 'batch_released', batchId, payouts: released.length });
  if (failed !== null) deps.observe({ type: 'payout_failed', payout: failed });
}
