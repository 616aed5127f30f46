import type { AssetUnit, Lovelace } from '../../chain/block.js';
import { showAssets } from '../../payments/payment.js';

export const PAYOUT_STATUSES = [
  'awaiting_approval',
  'queued',
  'submitted',
  'in_block',
  'confirmed',
  'failed',
  'cancelled',
] as const;
export type PayoutStatus = (typeof PAYOUT_STATUSES)[number];

/**
 * Every move there is. Backwards only what the chain does: a rollback, or a validity bound that passed.
 * The chain's word is final: what was failed or cancelled and is in a block all the same was paid.
 */
export const MOVES = {
  awaiting_approval: ['queued', 'in_block', 'failed', 'cancelled'],
  queued: ['submitted', 'in_block', 'failed', 'cancelled'],
  submitted: ['queued', 'in_block', 'failed'],
  in_block: ['submitted', 'confirmed'],
  confirmed: ['submitted'],
  failed: ['in_block'],
  cancelled: ['in_block'],
} as const satisfies Record<PayoutStatus, readonly PayoutStatus[]>;

/** One outbound payment. `userId` null: the treasury's. */
export type Payout = {
  /** 32 hex digits; see `payoutId`. */
  readonly id: string;
  readonly status: PayoutStatus;
  readonly destinationAddress: string;
  readonly amountLovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
  readonly userId: string | null;
  readonly referenceId: string | null;
  readonly metadata: unknown;
  readonly turn: number;
  readonly heldFee: Lovelace;
  readonly booked: boolean;
  readonly adopted: boolean;
  readonly txHash: string | null;
  readonly feeLovelace: Lovelace | null;
  readonly blockHeight: number | null;
  readonly failureReason: string | null;
  readonly createdBy: string;
  readonly approvedBy: string | null;
  readonly createdAt: Date;
  readonly confirmedAt: Date | null;
};

/** A payout as `/v1` and events show it: amounts as decimal strings, times as ISO 8601 UTC. */
export type PayoutView = ReturnType<typeof showPayout>;

export function showPayout(payout: Payout) {
  return {
    id: payout.id,
    status: payout.status,
    destinationAddress: payout.destinationAddress,
    amountLovelace: payout.amountLovelace.toString(),
    assets: showAssets(payout.assets),
    userId: payout.userId,
    referenceId: payout.referenceId,
    metadata: payout.metadata ?? null,
    txHash: payout.txHash,
    feeLovelace: payout.feeLovelace?.toString() ?? null,
    failureReason: payout.failureReason,
    adopted: payout.adopted,
    createdBy: payout.createdBy,
    approvedBy: payout.approvedBy,
    createdAt: payout.createdAt.toISOString(),
    confirmedAt: payout.confirmedAt?.toISOString() ?? null,
  };
}

export type PayoutEvent = {
  readonly type: 'payout.submitted' | 'payout.confirmed' | 'payout.failed' | 'payout.rolled_back';
  readonly key: string;
  readonly view: PayoutView;
};

export const payoutEvent = (type: PayoutEvent['type'], payout: Payout): PayoutEvent => ({
  type,
  // A payout is submitted once for each transaction; the rest comes again with its turn.
  key: `${type}:${payout.id}:${type === 'payout.submitted' ? payout.txHash : payout.turn}`,
  view: showPayout(payout),
});
