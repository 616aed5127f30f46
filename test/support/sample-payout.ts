import type { Payout } from '../../src/payouts/model/payout.js';

/** A payout of a user who bears the fee, accepted and never signed. */
export const QUEUED_PAYOUT: Payout = {
  id: '01'.repeat(16),
  status: 'queued',
  destinationAddress: 'addr_test1destination',
  amountLovelace: 5_000_000n,
  assets: new Map(),
  userId: 'ann',
  referenceId: null,
  metadata: null,
  turn: 0,
  heldFee: 200_000n,
  booked: true,
  adopted: false,
  txHash: null,
  feeLovelace: null,
  blockHeight: null,
  failureReason: null,
  createdBy: 'key:clerk',
  approvedBy: null,
  createdAt: new Date('2026-11-21T08:00:00Z'),
  confirmedAt: null,
};
