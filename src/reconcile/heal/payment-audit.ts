import type { Tx } from '../../database/transaction.js';
import { type Payment, showAssets } from '../../payments/payment.js';
import type { WrittenValue } from '../../payments/stored-value.js';
import type { HealContext } from './context.js';
import type { Correction } from './heal-payments.js';
import { auditHealing } from './store-queries.js';

/**
 * Tells the audit log of rows that ledger and events put right, or back, of which no finding tells. A row that is
 * what it was isn't told of.
 */
export async function auditPayments(
  tx: Tx,
  at: Date,
  { actor, cause }: HealContext,
  corrections: readonly Correction[],
): Promise<void> {
  const entries = corrections.flatMap((correction) => {
    const { before, after } = showChange(correction);
    if (JSON.stringify(before) === JSON.stringify(after)) return [];
    const details = { cause, before, after };
    const entityId = correction.reference;
    return [{ action: 'payment.corrected', entityType: 'payment', entityId, details }];
  });
  if (entries.length > 0) await auditHealing(tx, at, actor, entries);
}

/** The row as it was, null where there was none, and as it is now. */
export const showChange = ({ before, after }: Correction) => ({
  before: before === null ? null : show(before, before.txPosition, before.spentHeight),
  after: show(after, after.placement?.txPosition ?? null, after.spent?.height ?? null),
});

type Row = Payment & { readonly unreadable?: WrittenValue };

/** All of a row that a correction may write. */
const show = (row: Row, txPosition: number | null, spentHeight: number | null) => ({
  address: row.address,
  userId: row.userId,
  referenceType: row.referenceType,
  referenceId: row.referenceId,
  ...(row.unreadable ?? {
    amountLovelace: row.amountLovelace.toString(),
    assets: showAssets(row.assets),
  }),
  status: row.status,
  inclusion: row.inclusion,
  blockHash: row.blockHash,
  blockHeight: row.blockHeight,
  slot: row.slot,
  // A row without a block may keep a place in it; that says nothing.
  txPosition: row.blockHash === null ? null : txPosition,
  countedFrom: row.countedFrom,
  spentBy: row.spentBy,
  spentHeight,
  // Another hand may have written what is no time; in JSON it is null then.
  confirmedAt: row.confirmedAt,
});
