import { type AssetUnit, type Lovelace, NO_ASSETS } from '../chain/block.js';

/** What stands in a row where an amount and assets should. */
export type WrittenValue = { readonly amountLovelace: string; readonly assets: unknown };

/** What can be read of a row's value: what can't be counts for nothing. */
export type StoredValue = {
  readonly lovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
  /** As it stands there, where any part of it can't be read: then it is equal to no value. */
  readonly unreadable?: WrittenValue;
};

const WHOLE = /^(0|[1-9]\d*)$/;

/**
 * The value of a row, whatever another hand made of it. For those who prove the books: who follows the chain
 * reads values that it wrote itself, and had better stop at any other.
 *
 * @param assets JSON as it was parsed
 */
export function readStoredValue(amountLovelace: string, assets: unknown): StoredValue {
  const lovelace = WHOLE.test(amountLovelace) ? BigInt(amountLovelace) : null;
  const isRecord = typeof assets === 'object' && assets !== null && !Array.isArray(assets);
  const entries = isRecord ? Object.entries(assets) : [];
  const read = entries.flatMap(([unit, written]): [AssetUnit, bigint][] => {
    const quantity = quantityOf(written);
    return quantity === null ? [] : [[unit, quantity]];
  });
  const assetsRead = read.length === 0 ? NO_ASSETS : new Map(read);
  const value = { lovelace: lovelace ?? 0n, assets: assetsRead };
  const isReadable = lovelace !== null && isRecord && read.length === entries.length;
  return isReadable ? value : { ...value, unreadable: { amountLovelace, assets } };
}

/** A number is another hand's: whoever reads the row may round it. */
const quantityOf = (written: unknown): bigint | null =>
  typeof written === 'string' && WHOLE.test(written) ? BigInt(written) : null;

/** A height that is no block's is none: no chain grows so high, and numbers end there. */
export function heightOrNull(text: string | null): number | null {
  const height = text === null ? null : Number(text);
  return height === null || !Number.isSafeInteger(height) ? null : height;
}
