import type { AssetUnit } from '../chain/block.js';
import type { WalletOutput } from './transaction.js';

/**
 * Outputs to take from, the largest at hand. A wallet may have a hundred thousand and a transaction takes
 * a few hundred at most, so they are never sorted as a whole.
 */
export type Pile = {
  /** The next to take; undefined where none is left. */
  readonly take: (used: Used, enough: bigint, plenty: bigint) => WalletOutput | undefined;
};

/** References of what is taken already. */
export type Used = ReadonlySet<string>;

/**
 * By what is looked for in an output, lovelace or a token.
 * @param most how many a transaction takes at the very most
 */
export function makePile(
  members: readonly WalletOutput[],
  amountOf: (output: WalletOutput) => bigint,
  most: number,
): Pile {
  const isBefore = (a: WalletOutput, b: WalletOutput): number =>
    compare(amountOf(b), amountOf(a)) || compare(a.reference, b.reference);
  let largest: readonly WalletOutput[] | undefined;
  return {
    take: (used, enough, plenty) => {
      largest ??= firstOf(members, isBefore, most);
      const top = largest.find(({ reference }) => !used.has(reference));
      if (top === undefined || amountOf(top) < enough) return top;
      // One is enough: the smallest that leaves a useful change, so that larger ones remain.
      let best = top;
      for (const output of members) {
        const amount = amountOf(output);
        if (amount < plenty || amount > amountOf(best) || used.has(output.reference)) continue;
        if (isBefore(best, output) < 0) best = output;
      }
      return best;
    },
  };
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
