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
  detected_at: WrittenTime;
  confirmed_at: WrittenTime | null;
};

/** The driver makes a number of `infinity`, which only another hand writes. */
type WrittenTime = Date | number;

/** What no clock shows is no time: such a row must neither keep others from being read nor a block from being applied. */
const timeOrNull = (written: WrittenTime | null): Date | null =>
  written instanceof Date && !Number.isNaN(written.getTime()) ? written : null;
const UNKNOWN_TIME = new Date(0);

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
  detectedAt: timeOrNull(row.detected_at) ?? UNKNOWN_TIME,
  confirmedAt: timeOrNull(row.confirmed_at),
});
