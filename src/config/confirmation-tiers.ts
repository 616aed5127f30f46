import type { Lovelace } from '../chain/block.js';
import { SECURITY_PARAMETER_BLOCKS } from '../chain/point.js';

/** From this amount on (inclusive) a payment needs so many confirmations, until the next tier. */
export type ConfirmationTier = {
  readonly fromLovelace: Lovelace;
  readonly confirmations: number;
};

/** Ada in circulation never exceeds this; a tier beyond it would be a typing error. */
const ADA_MAX = 45_000_000_000n;
const LOVELACE_PER_ADA = 1_000_000n;

export type ParsedTiers =
  | { readonly ok: true; readonly tiers: readonly ConfirmationTier[] }
  | { readonly ok: false; readonly problem: string };

/** Reads `ADA=CONFIRMATIONS,…`; tiers come out in ascending order and begin with 0. */
export function parseConfirmationTiers(text: string): ParsedTiers {
  const tiers: ConfirmationTier[] = [];
  for (const part of text.split(',')) {
    const [, ada, fraction = '', count] =
      /^\s*(\d{1,11})(?:\.(\d{1,6}))?\s*=\s*(\d{1,4})\s*$/.exec(part) ?? [];
    if (ada === undefined || count === undefined) {
      return { ok: false, problem: `"${part.trim()}" isn't ADA=CONFIRMATIONS` };
    }
    const fromLovelace = BigInt(ada) * LOVELACE_PER_ADA + BigInt(fraction.padEnd(6, '0'));
    const confirmations = Number(count);
    if (fromLovelace > ADA_MAX * LOVELACE_PER_ADA) {
      return { ok: false, problem: `"${ada}" is more ada than there can be` };
    }
    if (confirmations < 1 || confirmations > SECURITY_PARAMETER_BLOCKS) {
      return {
        ok: false,
        problem: `${count} confirmations: wanted 1 to ${SECURITY_PARAMETER_BLOCKS}`,
      };
    }
    tiers.push({ fromLovelace, confirmations });
  }
  tiers.sort((a, b) => (a.fromLovelace < b.fromLovelace ? -1 : 1));
  const problem = orderProblem(tiers);
  return problem === undefined ? { ok: true, tiers } : { ok: false, problem };
}

function orderProblem(tiers: readonly ConfirmationTier[]): string | undefined {
  if (tiers[0]?.fromLovelace !== 0n) return 'a tier from 0 is missing';
  for (const [index, tier] of tiers.entries()) {
    const below = tiers[index - 1];
    if (below === undefined) continue;
    if (below.fromLovelace === tier.fromLovelace) return 'two tiers begin at the same amount';
    // "The highest tier" must be the safest one: payments with native assets take it.
    if (below.confirmations > tier.confirmations) {
      return 'a larger amount must not need fewer confirmations';
    }
  }
  return undefined;
}
