import { base58, bech32 } from '@scure/base';
import { parseAddress } from '../../chain/address.js';
import type { AssetUnit, Lovelace } from '../../chain/block.js';

/**
 * How many bytes of CBOR an output takes, without writing it: thousands of sizes are weighed before one
 * transaction is built. The builder holds what it wrote against these numbers.
 */

/** Of a non-negative integer, or of the head of whatever has so many items or bytes. */
export function headBytes(number: number | bigint): number {
  if (number < 24) return 1;
  if (number < 0x100) return 2;
  if (number < 0x1_0000) return 3;
  return number < 0x1_0000_0000 ? 5 : 9;
}

export const bytesBytes = (length: number): number => headBytes(length) + length;

/** Digits of a policy id in a unit; what follows is the asset's name. */
export const POLICY_DIGITS = 56;
const POLICY_BYTES = POLICY_DIGITS / 2;

/** `lovelace`, or `[lovelace, {policy: {name: quantity}}]`. */
export function valueBytes(lovelace: Lovelace, assets: ReadonlyMap<AssetUnit, bigint>): number {
  if (assets.size === 0) return headBytes(lovelace);
  const namesOf = new Map<string, number>();
  let bytes = 1 + headBytes(lovelace);
  for (const [unit, quantity] of assets) {
    const policy = unit.slice(0, POLICY_DIGITS);
    namesOf.set(policy, (namesOf.get(policy) ?? 0) + 1);
    bytes += bytesBytes((unit.length - POLICY_DIGITS) / 2) + headBytes(quantity);
  }
  bytes += headBytes(namesOf.size);
  for (const names of namesOf.values()) bytes += bytesBytes(POLICY_BYTES) + headBytes(names);
  return bytes;
}

/** `[address, value]`: the form without datum and script, which is the shorter of the two there are. */
export const outputBytes = (
  addressLength: number,
  lovelace: Lovelace,
  assets: ReadonlyMap<AssetUnit, bigint>,
): number => 1 + bytesBytes(addressLength) + valueBytes(lovelace, assets);

/** An address as outputs hold it. @throws RangeError where it is none: whoever asks has checked it */
export function addressBytes(text: string): Uint8Array {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new RangeError(`the address ${text} ${parsed.problem}`);
  if (parsed.address.kind === 'byron') return base58.decode(parsed.address.text);
  const shelley = parsed.address.text;
  return bech32.fromWords(bech32.decode(shelley, false).words);
}
