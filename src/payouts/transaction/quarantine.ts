import type { AssetUnit } from '../../chain/block.js';
import type { WalletOutput } from './transaction.js';

/**
 * Outputs of the hot wallet that no payout is paid from: anybody may send anything there, and what is
 * spent with a payout must be carried on by its change. They are the wallet's all the same, shown with
 * the reason and counted in its balance.
 */
export type QuarantineReason =
  | 'unknown_token'
  | 'too_many_tokens'
  | 'dust'
  | 'reference_script'
  | 'overflow_quantity';

/** Spending twenty tokens takes about a kilobyte of change: as much room as twelve payees. */
export const TOKENS_MAX = 20;

/**
 * About the least that an output can hold: it brings no more than what the change it makes must keep.
 * Tokens that are known are worth more than the lovelace they came with.
 */
export const DUST_LOVELACE = 1_000_000n;

/**
 * An output holds at most 2^64 - 1 of a token, and most software at most 2^63 - 1. A token of which
 * somebody sends this much isn't one that is paid out.
 */
export const TOKEN_QUANTITY_MAX = 2n ** 62n;

/**
 * Why `output` isn't spent, null where it may be. Whether it is reserved is another question.
 * @param knownUnits what payouts may ever be asked to pay
 */
export function quarantineReason(
  { assets, lovelace, hasScript }: Pick<WalletOutput, 'assets' | 'lovelace' | 'hasScript'>,
  { knownUnits }: { readonly knownUnits: { has(unit: AssetUnit): boolean } },
): QuarantineReason | null {
  // The ledger charges whoever spends it for every byte of the script, and its size isn't known here.
  if (hasScript) return 'reference_script';
  const quantities = [...assets.values()];
  if (quantities.some((quantity) => quantity > TOKEN_QUANTITY_MAX)) return 'overflow_quantity';
  if (assets.size > TOKENS_MAX) return 'too_many_tokens';
  if ([...assets.keys()].some((unit) => !knownUnits.has(unit))) return 'unknown_token';
  return assets.size === 0 && lovelace < DUST_LOVELACE ? 'dust' : null;
}
