import type { AssetUnit, Lovelace } from '../chain/block.js';

/** `seen` (mempool) is part of the contract and comes with mempool support. */
export const PAYMENT_STATUSES = ['seen', 'pending', 'confirmed', 'rolled_back', 'ignored'] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

/** One output at a watched address: one row for ever, whatever rollbacks do to it. */
export type Payment = {
  readonly txHash: string;
  readonly outputIndex: number;
  readonly address: string;
  readonly userId: string;
  readonly referenceType: string | null;
  readonly referenceId: string | null;
  readonly amountLovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
  readonly status: PaymentStatus;
  readonly inclusion: number;
  readonly requiredConfirmations: number;
  readonly blockHash: string | null;
  readonly blockHeight: number | null;
  readonly slot: number | null;
  /** Height of the ledger that told of it, where no followed block did: it counts from there. */
  readonly countedFrom: number | null;
  readonly spentBy: string | null;
  readonly detectedAt: Date;
  readonly confirmedAt: Date | null;
};

/** A payment as `/v1` and events show it: amounts as decimal strings, times as ISO 8601 UTC. */
export type PaymentView = ReturnType<typeof showPayment>;

/** @param cursorHeight height of the last applied block; null while it is unknown */
export function showPayment(payment: Payment, cursorHeight: number | null) {
  return {
    txHash: payment.txHash,
    outputIndex: payment.outputIndex,
    address: payment.address,
    userId: payment.userId,
    referenceType: payment.referenceType,
    referenceId: payment.referenceId,
    amountLovelace: payment.amountLovelace.toString(),
    assets: showAssets(payment.assets),
    status: payment.status,
    confirmations: confirmations(countsFrom(payment), cursorHeight),
    requiredConfirmations: payment.requiredConfirmations,
    blockHash: payment.blockHash,
    blockHeight: payment.blockHeight,
    slot: payment.slot,
    detectedAt: payment.detectedAt.toISOString(),
    confirmedAt: payment.confirmedAt?.toISOString() ?? null,
    spentBy: payment.spentBy,
  };
}

/** Height from which its confirmations are counted; null for what is on no chain. */
export const countsFrom = ({
  blockHeight,
  countedFrom,
}: Pick<Payment, 'blockHeight' | 'countedFrom'>): number | null => blockHeight ?? countedFrom;

/** Cursor height less that height plus one; 0 for what is on no chain. */
export const confirmations = (from: number | null, cursorHeight: number | null): number =>
  from === null || cursorHeight === null ? 0 : Math.max(0, cursorHeight - from + 1);

/** Units in order, so that equal values are equal text. */
export const showAssets = (assets: ReadonlyMap<AssetUnit, bigint>): Record<string, string> =>
  Object.fromEntries(
    [...assets]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([unit, quantity]) => [unit, quantity.toString()]),
  );

export const parseAssets = (stored: Record<string, string>): Map<AssetUnit, bigint> =>
  new Map(Object.entries(stored).map(([unit, quantity]) => [unit, BigInt(quantity)]));

/** What one commit did to payments: for logs and metrics, told after the commit. */
export type PaymentsSummary = {
  /** New or come again; status `pending` or `ignored`. */
  readonly detected: readonly Payment[];
  readonly confirmed: readonly Payment[];
  readonly rolledBack: readonly Payment[];
  /** Keys of events that were to be told and had been, by another hand; absent where there are none. */
  readonly toldBefore?: readonly string[];
};
