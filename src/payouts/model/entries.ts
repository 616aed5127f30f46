import type { AssetUnit } from '../../chain/block.js';
import { amountsOf, type Bucket, type Entry } from '../../payments/ledger.js';
import type { Payout } from './payout.js';

type Leg = readonly [Bucket, Entry['type'], AssetUnit, bigint];

/** At acceptance: the amount, and the estimated fee where the user bears it, can't be spent twice. */
export const entriesOfHold = (payout: Payout): Entry[] =>
  entries(payout, 'payout_held', [
    ...heldOf(payout).map(([unit, amount]) => ['available', 'debit', unit, amount] as const),
    ...heldOf(payout).map(([unit, amount]) => ['held', 'credit', unit, amount] as const),
  ]);

/** Failed or cancelled: everything back. */
export const entriesOfRelease = (payout: Payout): Entry[] =>
  entries(payout, 'payout_released', [
    ...heldOf(payout).map(([unit, amount]) => ['held', 'debit', unit, amount] as const),
    ...heldOf(payout).map(([unit, amount]) => ['available', 'credit', unit, amount] as const),
  ]);

/** Deep enough: the amount and the fee leave, what was held for a dearer fee comes back. */
export function entriesOfPayoutConfirmation(payout: Payout): Entry[] {
  const rest = payout.heldFee - feeBorne(payout);
  return [
    ...entries(
      payout,
      'payout_confirmed',
      amountsOf(payout).map(([unit, amount]) => ['held', 'debit', unit, amount] as const),
    ),
    ...entries(payout, 'payout_fee', [['held', 'debit', 'lovelace', feeBorne(payout)]]),
    ...entries(payout, 'payout_released', [
      ['held', 'debit', 'lovelace', rest],
      ['available', 'credit', 'lovelace', rest],
    ]),
  ];
}

/** The confirmation taken back: it is still to be paid, so all of it is held again. */
export const entriesOfPayoutRollback = (payout: Payout): Entry[] =>
  entries(payout, 'payout_rolled_back', [
    ['available', 'debit', 'lovelace', payout.heldFee - feeBorne(payout)],
    ...heldOf(payout).map(([unit, amount]) => ['held', 'credit', unit, amount] as const),
  ]);

/** A user pays at most what was held for it: a fee beyond the estimate is the treasury's. */
const feeBorne = ({ heldFee, feeLovelace }: Payout): bigint =>
  feeLovelace === null || feeLovelace > heldFee ? heldFee : feeLovelace;

export const heldOf = (payout: Payout): [AssetUnit, bigint][] =>
  amountsOf({ ...payout, amountLovelace: payout.amountLovelace + payout.heldFee });

function entries(payout: Payout, reason: Entry['reason'], legs: readonly Leg[]): Entry[] {
  const { userId, id, turn } = payout;
  if (userId === null) return [];
  return legs
    .filter(([, , , amount]) => amount > 0n)
    .map(([bucket, type, unit, amount]) => ({
      userId,
      unit,
      bucket,
      type,
      amount,
      reason,
      cause: { payoutId: id, turn },
    }));
}
