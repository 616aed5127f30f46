import { UNKNOWN_TIME } from '../database/readable-times.js';
import type { PlacedPayment } from './effects.js';
import { type PaymentStatus, parseAssets } from './payment.js';

/** The columns of a payment, in the shape that `paymentFrom` reads. */
export type PaymentRow = {
  tx_hash: string;
  output_index: number;
  address: string;
  user_id: string;
  reference_type: string | null;
  reference_id: string | null;
  amount_lovelace: string;
  assets: Record<string, string>;
  status: PaymentStatus;
  inclusion: number;
  required_confirmations: number;
  block_hash: string | null;
  block_height: string | null;
  slot: string | null;
  counted_from: string | null;
  tx_position: number | null;
  spent_by: string | null;
  detected_at: Date;
  confirmed_at: Date | null;
};

export const paymentFrom = (row: PaymentRow): PlacedPayment => ({
  txHash: row.tx_hash,
  outputIndex: row.output_index,
  address: row.address,
  userId: row.user_id,
  referenceType: row.reference_type,
  referenceId: row.reference_id,
  amountLovelace: BigInt(row.amount_lovelace),
  assets: parseAssets(row.assets),
  status: row.status,
  inclusion: row.inclusion,
  requiredConfirmations: row.required_confirmations,
  blockHash: row.block_hash,
  blockHeight: row.block_height === null ? null : Number(row.block_height),
  slot: row.slot === null ? null : Number(row.slot),
  txPosition: row.tx_position ?? 0,
  countedFrom: row.counted_from === null ? null : Number(row.counted_from),
  spentBy: row.spent_by,
  detectedAt: row.detected_at,
  // A time that none is says nothing of when.
  confirmedAt: row.confirmed_at?.getTime() === UNKNOWN_TIME.getTime() ? null : row.confirmed_at,
});
