import type { Pool } from 'pg';
import { SECURITY_PARAMETER_BLOCKS } from '../../chain/point.js';
import { againAfterDeadlock, inTransaction, type Tx } from '../../database/transaction.js';
import { deltasOf } from '../../payments/ledger.js';
import { post } from '../../payments/ledger-queries.js';
import { audit } from '../model/books-queries.js';
import { readBooks } from '../model/chain-queries.js';
import { type Hold, lockHold } from '../model/control-queries.js';
import { readIdentity } from '../model/database-identity.js';
import { doubtsOf } from '../model/doubt-queries.js';
import { entriesOfRelease } from '../model/entries.js';
import { actorOf, type Caller } from '../model/identity.js';
import type { Payout } from '../model/payout.js';
import { PAYOUT_COLUMNS, type PayoutRow, payoutFrom } from '../model/payout-row.js';

export type CancelOutcome =
  | { readonly type: 'cancelled'; readonly payout: Payout }
  | { readonly type: 'not_found' }
  | { readonly type: 'too_late'; readonly detail: string };

/** The only one whose blocks do anything to payouts. */
const PARTITION_ID = 0;

const LOCK = `
  select p.batch_id, ${PAYOUT_COLUMNS} from outbound_payments p where p.id = $1 for update`;
const CANCEL = `
  update outbound_payments set status = 'cancelled', booked = false, updated_at = $2
   where id = $1 and status in ('awaiting_approval', 'queued') and batch_id is null`;

/**
 * Ends a payout that surely was never submitted. It loses against any submission that may have
 * happened: one that this database knows of, and one that it may have forgotten.
 *
 * @param securityParameter k, in blocks
 */
export const cancelPayout = (
  pool: Pool,
  id: string,
  caller: Caller,
  securityParameter: number = SECURITY_PARAMETER_BLOCKS,
): Promise<CancelOutcome> =>
  againAfterDeadlock(() =>
    inTransaction(pool, (tx) => cancelIn(tx, id, caller, securityParameter)),
  );

async function cancelIn(
  tx: Tx,
  id: string,
  caller: Caller,
  securityParameter: number,
): Promise<CancelOutcome> {
  // Before the payout, as everybody does; shared, so that no hold begins until this is decided.
  const hold = await lockHold(tx);
  const { now } = hold;
  const mayHaveForgotten = hold.heldAt !== null || (await isAnother(tx, hold));
  const { rows } = await tx.query<PayoutRow & { batch_id: string | null }>(LOCK, [id]);
  const [row] = rows;
  if (row === undefined) return { type: 'not_found' };
  const payout = payoutFrom(row);
  const detail =
    whyTooLate(payout, row.batch_id !== null, mayHaveForgotten) ??
    (await whyInDoubt(tx, id, securityParameter));
  if (detail !== null) return { type: 'too_late', detail };
  const { rowCount } = await tx.query(CANCEL, [id, now]);
  if (rowCount !== 1) throw new Error('a locked payout changed');
  await release(tx, payout, now, actorOf(caller));
  return { type: 'cancelled', payout: { ...payout, status: 'cancelled', booked: false } };
}

/** Restored or failed over, and whoever pays hasn't noticed yet: what it forgot is as unknown. */
async function isAnother(tx: Tx, { identity }: Hold): Promise<boolean> {
  if (identity === null) return false;
  const now = await readIdentity(tx);
  return Object.entries(now).some(([name, value]) => identity[name] !== value);
}

/**
 * @param mayHaveForgotten what was submitted. A payout that is younger than that proves nothing: asked for
 * again, one that was forgotten has the same id, and what pays it may still land
 */
function whyTooLate(payout: Payout, inBatch: boolean, mayHaveForgotten: boolean): string | null {
  if (payout.status !== 'awaiting_approval' && payout.status !== 'queued') {
    return `the payout is ${payout.status}`;
  }
  if (inBatch)
    return 'a transaction that pays it was signed before and may still come into a block';
  if (mayHaveForgotten) {
    return (
      'payouts are held because the database may have forgotten what was submitted, ' +
      'and this one may be part of it: cancel it once they go on'
    );
  }
  return null;
}

/** Its row says that nothing pays it. Where another hand changed that, money that is gone would be given back. */
async function whyInDoubt(tx: Tx, id: string, securityParameter: number): Promise<string | null> {
  const books = await readBooks(tx, PARTITION_ID, securityParameter);
  const deepHeight = (books?.height ?? 0) - securityParameter;
  const [doubt] = await doubtsOf(tx, [id], {
    batchId: null,
    // At whatever depth payouts are confirmed: it is k at most.
    confirmedHeight: deepHeight,
    deepSlot: books?.deepSlot ?? null,
    deepHeight,
  });
  if (doubt === undefined) return null;
  const what = doubt.about === 'paid' ? 'may be paid already' : "isn't what was asked for";
  return `the payout ${what}: ${doubt.why}. Run \`teller balance verify\``;
}

async function release(tx: Tx, payout: Payout, at: Date, actor: string): Promise<void> {
  const entries = payout.booked ? entriesOfRelease(payout) : [];
  if (entries.length > 0) await post(tx, at, entries, deltasOf(entries));
  const details = { status: payout.status, lovelace: payout.amountLovelace.toString() };
  await audit(tx, at, [
    { action: 'payout.cancelled', entityType: 'payout', entityId: payout.id, actor, details },
  ]);
}
