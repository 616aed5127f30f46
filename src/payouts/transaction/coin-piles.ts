import type { AssetUnit, OutputReference } from '../../chain/block.js';
import type { WalletOutput } from './transaction.js';

/**
 * Outputs to take from, the largest at hand. A wallet may have a hundred thousand and a transaction takes
 * a few hundred at most, so they are never sorted as a whole.
 */
export type Pile = {
  /** The next to take; undefined where none is left. */
  readonly next: (taken: Taken, enough: bigint, plenty: bigint) => WalletOutput | undefined;
};

/** What one selection has taken, from whatever pile. */
export type Taken = {
  readonly references: Set<OutputReference>;
  /** How many of each pile's largest are known to be taken. */
  readonly largest: Map<Pile, number>;
};

/**
 * By what is looked for in an output, lovelace or a token.
 * @param most how many a transaction takes at the very most
 */
export function makePile(
  members: readonly WalletOutput[],
  amountOf: (output: WalletOutput) => bigint,
  most: number,
): Pile {
  const order = (a: WalletOutput, b: WalletOutput): number =>
    compare(amountOf(b), amountOf(a)) || compare(a.reference, b.reference);
  let largest: readonly WalletOutput[] | undefined;
  let amounts: Float64Array | undefined;
  const pile: Pile = {
    next: (taken, enough, plenty) => {
      largest ??= firstOf(members, order, most);
      let position = taken.largest.get(pile) ?? 0;
      while (taken.references.has(largest[position]?.reference ?? '')) position += 1;
      taken.largest.set(pile, position);
      const top = largest[position];
      if (top === undefined || amountOf(top) < enough) return top;
      // Rounded, in the same order: most of a hundred thousand are told apart by these alone.
      amounts ??= Float64Array.from(members, (output) => Number(amountOf(output)));
      const isFree = (output: WalletOutput): boolean =>
        amountOf(output) >= plenty && !taken.references.has(output.reference);
      return leastOf(members, amounts, Number(plenty), top, order, isFree);
    },
  };
  return pile;
}

/** One is enough: the smallest that leaves a useful change, so that larger ones remain. */
function leastOf(
  members: readonly WalletOutput[],
  amounts: Float64Array,
  least: number,
  top: WalletOutput,
  order: (a: WalletOutput, b: WalletOutput) => number,
  isFree: (output: WalletOutput) => boolean,
): WalletOutput {
  let best = top;
  let bound = Infinity;
  for (let i = 0; i < amounts.length; i += 1) {
    const amount = amounts[i] ?? 0;
    if (amount < least || amount > bound) continue;
    const output = members[i];
    if (output === undefined || order(best, output) >= 0 || !isFree(output)) continue;
    best = output;
    bound = amount;
  }
  return best;
}

/** The amount of a token in an output. */
export const quantityOf =
  (unit: AssetUnit) =>
  ({ assets }: WalletOutput): bigint =>
    assets.get(unit) ?? 0n;

export const lovelaceOf = ({ lovelace }: WalletOutput): bigint => lovelace;

/** One list for each depth, what is in a block first. */
export function byDepth(outputs: readonly WalletOutput[]): WalletOutput[][] {
  const lists = new Map<number, WalletOutput[]>();
  for (const output of outputs) {
    const list = lists.get(output.chainDepth);
    if (list === undefined) lists.set(output.chainDepth, [output]);
    else list.push(output);
  }
  return [...lists].sort(([a], [b]) => a - b).map(([, list]) => list);
}

/** The first `count` in an order, sorted, without sorting all. */
export function firstOf<T>(
  items: readonly T[],
  order: (a: T, b: T) => number,
  count: number,
): readonly T[] {
  let kept: T[] = [];
  let last: T | undefined;
  for (const item of items) {
    if (last !== undefined && order(item, last) >= 0) continue;
    kept.push(item);
    if (kept.length < 4 * count) continue;
    kept = kept.sort(order).slice(0, count);
    last = kept.at(-1);
  }
  return kept.sort(order).slice(0, count);
}

const compare = <T extends bigint | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
