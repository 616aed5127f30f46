import type { Lovelace } from '../chain/block.js';

/** From an amount on, inclusive, so many confirmations are needed. */
export type ConfirmationTier = { readonly fromLovelace: Lovelace; readonly confirmations: number };

export type DepositPolicy = {
  /** Ascending by amount; the first starts at 0. */
  readonly tiers: readonly ConfirmationTier[];
  /** Deposits of ADA alone below it are recorded as `ignored`. */
  readonly minPaymentLovelace: Lovelace;
};

/** Whether a deposit is too small to count. One with native assets always counts. */
export const isIgnored = (
  policy: DepositPolicy,
  deposit: { readonly lovelace: Lovelace; readonly hasAssets: boolean },
): boolean => !deposit.hasAssets && deposit.lovelace < policy.minPaymentLovelace;

/**
 * @param userBlockLovelace all that the user's counted payments in that block bring together: ten
 *   deposits of 999 ada are one of 9,990 when it comes to how much a fork could take back
 */
export function requiredConfirmations(
  policy: DepositPolicy,
  userBlockLovelace: Lovelace,
  hasAssets: boolean,
): number {
  const reached = hasAssets
    ? policy.tiers
    : policy.tiers.filter((tier) => tier.fromLovelace <= userBlockLovelace);
  return reached.at(-1)?.confirmations ?? 1;
}

/** The cursor height at which a payment is deep enough. */
export const confirmationHeight = (blockHeight: number, required: number): number =>
  blockHeight + required - 1;
