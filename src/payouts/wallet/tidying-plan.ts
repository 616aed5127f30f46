import type { Lovelace } from '../../chain/block.js';
import { PIECE_LOVELACE } from '../transaction/change.js';
import type { WalletOutput } from '../transaction/transaction.js';
import type { JudgedHolding } from './wallet.js';

/** What a person wants done with the hot wallet's outputs. */
export type Tidying =
  | { readonly type: 'consolidate'; readonly mostInputs: number; readonly quarantinedToo: boolean }
  | { readonly type: 'split'; readonly pieces: number };

export type TidyingPlan =
  | {
      readonly outputs: readonly WalletOutput[];
      /** Outputs that each transaction should make of its ADA. */
      readonly pieces: number;
    }
  /** Why nothing is to be done. */
  | { readonly problem: string };

/** For the fee, with room to spare. */
const FEE_LOVELACE = 2_000_000n;

/** Which outputs are spent. Never a reserved one: what is on its way needs it. */
export function planTidying(holdings: readonly JudgedHolding[], tidying: Tidying): TidyingPlan {
  return tidying.type === 'consolidate'
    ? planMerge(holdings, tidying)
    : planSplit(holdings, tidying.pieces);
}

/** The smallest ones, and never only one: gathering them in is what it is for. */
function planMerge(
  holdings: readonly JudgedHolding[],
  { mostInputs, quarantinedToo }: Extract<Tidying, { type: 'consolidate' }>,
): TidyingPlan {
  const outputs = holdings
    .filter(({ state }) => state === 'spendable' || (quarantinedToo && state === 'quarantined'))
    .toSorted((a, b) => bySize(a.lovelace, b.lovelace))
    .slice(0, mostInputs)
    .map(outputOf);
  return outputs.length < 2
    ? { problem: `there are ${outputs.length} outputs to gather, and it takes two` }
    : { outputs, pieces: 1 };
}

/** As few of the largest as hold enough; those without tokens first, which needn't be carried on. */
function planSplit(holdings: readonly JudgedHolding[], pieces: number): TidyingPlan {
  const wanted = BigInt(pieces) * PIECE_LOVELACE + FEE_LOVELACE;
  const spendable = holdings
    .filter(({ state }) => state === 'spendable')
    .toSorted(
      (a, b) =>
        Number(a.assets.size > 0) - Number(b.assets.size > 0) || bySize(b.lovelace, a.lovelace),
    );
  const outputs: WalletOutput[] = [];
  let lovelace = 0n;
  for (const holding of spendable) {
    if (lovelace >= wanted) break;
    outputs.push(outputOf(holding));
    lovelace += holding.lovelace;
  }
  const possible = lovelace < FEE_LOVELACE ? 0n : (lovelace - FEE_LOVELACE) / PIECE_LOVELACE;
  if (possible >= BigInt(pieces) && outputs.length < pieces) return { outputs, pieces };
  const most = possible <= BigInt(outputs.length) ? '' : `; at most ${possible} can be made`;
  return {
    problem:
      outputs.length >= pieces && possible >= BigInt(pieces)
        ? `${outputs.length} outputs would be spent to make ${pieces}: there are enough already`
        : `a piece has at least ${PIECE_LOVELACE / 1_000_000n} ada, and there is too little to spend for ${pieces}${most}`,
  };
}

const bySize = (a: Lovelace, b: Lovelace): number => (a < b ? -1 : Number(a > b));

const outputOf = ({ reference, lovelace, assets, hasScript }: JudgedHolding): WalletOutput => ({
  reference,
  lovelace,
  assets,
  hasScript,
  chainDepth: 0,
});
