import type { Pool } from 'pg';
import { inTransaction, type Tx } from '../../database/transaction.js';
import { audit } from '../model/books-queries.js';
import { actorOf, type Caller } from '../model/identity.js';
import type { Payout, PayoutStatus } from '../model/payout.js';
import { PAYOUT_COLUMNS, type PayoutRow, payoutFrom } from '../model/payout-row.js';
import { findPayout } from './reads.js';

export type ApprovalOutcome =
  | { readonly type: 'approved'; readonly payout: Payout }
  | { readonly type: 'not_found' }
  /** Who made it is no second person. */
  | { readonly type: 'own' }
  | { readonly type: 'not_awaiting'; readonly status: PayoutStatus };

const APPROVE = `
  update outbound_payments p
     set status = 'queued', approved_by = $2, approved_at = now(), updated_at = now()
   where p.id = $1 and p.status = 'awaiting_approval' and p.created_by <> $2
  returning p.approved_at, ${PAYOUT_COLUMNS}`;

/** Only one of several approvals at once succeeds; the others find it queued. */
export const approvePayout = (
  pool: Pool,
  id: string,
  caller: Extract<Caller, { kind: 'key' }>,
): Promise<ApprovalOutcome> =>
  inTransaction(pool, async (tx) => {
    const { rows } = await tx.query<PayoutRow & { approved_at: Date }>(APPROVE, [
      id,
      actorOf(caller),
    ]);
    const [row] = rows;
    if (row === undefined) return whyNot(tx, id);
    const payout = payoutFrom(row);
    const details = { createdBy: payout.createdBy, lovelace: payout.amountLovelace.toString() };
    await audit(tx, row.approved_at, [
      {
        action: 'payout.approved',
        entityType: 'payout',
        entityId: id,
        actor: actorOf(caller),
        details,
      },
    ]);
    return { type: 'approved', payout };
  });

async function whyNot(tx: Tx, id: string): Promise<ApprovalOutcome> {
  const payout = await findPayout(tx, id);
  if (payout === null) return { type: 'not_found' };
  return payout.status === 'awaiting_approval'
    ? { type: 'own' }
    : { type: 'not_awaiting', status: payout.status };
}
