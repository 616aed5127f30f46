import { parseAssets } from '../../payments/payment.js';
import type { Payout, PayoutStatus } from './payout.js';

/** What `payoutFrom` needs, of `outbound_payments p`. */
export const PAYOUT_COLUMNS = `
  p.id, p.status, p.destination_address, p.amount_lovelace, p.assets, p.user_id, p.reference_id,
  p.metadata, p.turn, p.held_fee, p.booked, p.adopted, p.tx_hash, p.fee_lovelace, p.block_height,
  p.failure_reason, p.created_by, p.approved_by, p.created_at, p.confirmed_at`;

export type PayoutRow = {
  readonly id: string;
  readonly status: PayoutStatus;
  readonly destination_address: string;
  readonly amount_lovelace: string;
  readonly assets: Record<string, string>;
  readonly user_id: string | null;
  readonly reference_id: string | null;
  readonly metadata: unknown;
  readonly turn: number;
  readonly held_fee: string;
  readonly booked: boolean;
  readonly adopted: boolean;
  readonly tx_hash: string | null;
  readonly fee_lovelace: string | null;
  readonly block_height: string | null;
  readonly failure_reason: string | null;
  readonly created_by: string;
  readonly approved_by: string | null;
  readonly created_at: Date;
  readonly confirmed_at: Date | null;
};

export const payoutFrom = (row: PayoutRow): Payout => ({
  id: row.id,
  status: row.status,
  destinationAddress: row.destination_address,
  amountLovelace: BigInt(row.amount_lovelace),
  assets: parseAssets(row.assets),
  userId: row.user_id,
  referenceId: row.reference_id,
  metadata: row.metadata,
  turn: row.turn,
  heldFee: BigInt(row.held_fee),
  booked: row.booked,
  adopted: row.adopted,
  txHash: row.tx_hash,
  feeLovelace: row.fee_lovelace === null ? null : BigInt(row.fee_lovelace),
  blockHeight: row.block_height === null ? null : Number(row.block_height),
  failureReason: row.failure_reason,
  createdBy: row.created_by,
  approvedBy: row.approved_by,
  createdAt: row.created_at,
  confirmedAt: row.confirmed_at,
});
