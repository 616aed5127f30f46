import type { AssetUnit } from '../chain/block.js';
import type { Payment } from './payment.js';

export type Bucket = 'pending' | 'available' | 'held';

/** One append-only ledger entry; a bucket is its credits less its debits. */
export type Entry = {
  readonly userId: string;
  readonly unit: AssetUnit;
  readonly bucket: Bucket;
  readonly type: 'credit' | 'debit';
  /** Above zero. */
  readonly amount: bigint;
  readonly reason: EntryReason;
  readonly cause: Cause;
};

export type EntryReason =
  | 'payment_detected'
  | 'payment_confirmed'
  | 'payment_rolled_back'
  | 'payout_held'
  | 'payout_confirmed'
  | 'payout_fee'
  | 'payout_released'
  | 'payout_rolled_back';

/** What an entry is about; once for each inclusion of a payment and each turn of a payout. */
export type Cause =
  | { readonly txHash: string; readonly outputIndex: number; readonly inclusion: number }
  | { readonly payoutId: string; readonly turn: number };

export type Delta = {
  readonly userId: string;
  readonly unit: AssetUnit;
  readonly available: bigint;
  readonly held: bigint;
  readonly pending: bigint;
};

/** A deposit in a block: promised, not yet spendable. */
export const entriesOfDetection = (payment: Payment): Entry[] =>
  move(payment, 'payment_detected', [['pending', 'credit']]);

export const entriesOfConfirmation = (payment: Payment): Entry[] =>
  move(payment, 'payment_confirmed', [
    ['pending', 'debit'],
    ['available', 'credit'],
  ]);

/** The reversal: takes back from wherever the money stands now. */
export function entriesOfRollback(payment: Payment): Entry[] {
  switch (payment.status) {
    case 'pending':
      return move(payment, 'payment_rolled_back', [['pending', 'debit']]);
    case 'confirmed':
      return move(payment, 'payment_rolled_back', [['available', 'debit']]);
    case 'seen':
    case 'ignored':
    case 'rolled_back':
      return [];
  }
}

function move(
  payment: Payment,
  reason: Entry['reason'],
  legs: readonly (readonly [Bucket, Entry['type']])[],
): Entry[] {
  return legs.flatMap(([bucket, type]) =>
    amountsOf(payment).map(([unit, amount]) => ({
      userId: payment.userId,
      unit,
      bucket,
      type,
      amount,
      reason,
      cause: {
        txHash: payment.txHash,
        outputIndex: payment.outputIndex,
        inclusion: payment.inclusion,
      },
    })),
  );
}

/** Lovelace first, then assets in the order of their units. */
export function amountsOf(
  value: Pick<Payment, 'amountLovelace' | 'assets'>,
): [AssetUnit, bigint][] {
  const assets = [...value.assets].sort(([a], [b]) => (a < b ? -1 : 1));
  return value.amountLovelace > 0n ? [['lovelace', value.amountLovelace], ...assets] : assets;
}

/** What entries change, one row a balance, in (user, unit) order: the order in which rows are locked. */
export function deltasOf(entries: readonly Entry[]): Delta[] {
  const sums = new Map<string, { userId: string; unit: string } & Record<Bucket, bigint>>();
  for (const { userId, unit, bucket, type, amount } of entries) {
    const key = JSON.stringify([userId, unit]);
    const sum = sums.get(key) ?? { userId, unit, pending: 0n, available: 0n, held: 0n };
    sum[bucket] += type === 'credit' ? amount : -amount;
    sums.set(key, sum);
  }
  return [...sums.values()].sort((a, b) => compare(a.userId, b.userId) || compare(a.unit, b.unit));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
