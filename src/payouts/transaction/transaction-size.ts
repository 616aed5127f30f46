import type { Lovelace } from '../../chain/block.js';
import type { ProtocolParameters } from '../../chain/protocol-parameters.js';
import { bytesBytes, headBytes } from './output-size.js';

/** All that the size of a payout transaction depends on. */
export type Extent = {
  readonly inputs: number;
  /** Of all inputs together, as `inputBytes` counts each. */
  readonly inputBytes: number;
  /** Position of the anchor among the inputs. */
  readonly anchorPosition: number;
  readonly payees: number;
  readonly outputs: number;
  readonly outputBytes: number;
  readonly fee: Lovelace;
  readonly invalidHereafter: number;
};

const HASH_BYTES = bytesBytes(32);
/** Tag 258, which says that what follows is a set. */
const SET_BYTES = 3;
/** `{0: [[key, signature]]}`, as signed.ts writes it. */
const WITNESS_BYTES = 1 + 1 + 1 + 1 + HASH_BYTES + bytesBytes(64);

/** A transaction without witnesses has an empty map in their place, and the flag that isn't counted. */
export const UNSIGNED_BYTES_SAVED = WITNESS_BYTES - 1 - 1;

/** `[transaction id, index]` */
export const inputBytes = (index: number): number => 1 + HASH_BYTES + headBytes(index);

/**
 * Bytes of the transaction signed with one key, as the ledger counts them for fee and limit: the flag
 * that says whether scripts succeeded isn't part of what it measures.
 */
export function transactionBytes(extent: Extent): number {
  const body =
    1 +
    (1 + SET_BYTES + headBytes(extent.inputs) + extent.inputBytes) +
    (1 + headBytes(extent.outputs) + extent.outputBytes) +
    (1 + headBytes(extent.fee)) +
    (1 + headBytes(extent.invalidHereafter)) +
    (1 + HASH_BYTES) +
    // The network id.
    2;
  return 1 + body + WITNESS_BYTES + metadataBytes(extent);
}

/** `{8355377: [1, anchor, [id, …]]}` */
const metadataBytes = ({ anchorPosition, payees }: Extent): number =>
  1 + 5 + 1 + 1 + headBytes(anchorPosition) + headBytes(payees) + payees * bytesBytes(16);

export const leastFee = (
  bytes: number,
  { feePerByte, feeConstant }: ProtocolParameters,
): Lovelace => feeConstant + feePerByte * BigInt(bytes);

/** A script that came in an output fitted into a transaction; all those that one transaction meets: Conway. */
const SCRIPT_BYTES_MAX = 16_384;
const SCRIPTS_BYTES_MAX = 204_800;

/** Mainnet's since Conway: 15 lovelace a byte, a fifth more after each 25,600 bytes. */
const SCRIPT_TIER_BYTES = 25_600;
const SCRIPT_FEE_PER_BYTE = 15;
const SCRIPT_FEE_GROWTH = 1.2;

/**
 * Enough for spending so many outputs with scripts, which the ledger charges by the scripts' bytes. Nobody
 * here knows those, and what isn't spent isn't fenced: so this is what the largest would cost.
 */
export function scriptFeeBound(scripts: number): Lovelace {
  const bytes = Math.min(scripts * SCRIPT_BYTES_MAX, SCRIPTS_BYTES_MAX);
  let fee = 0;
  for (let from = 0, price = SCRIPT_FEE_PER_BYTE; from < bytes; from += SCRIPT_TIER_BYTES) {
    fee += price * Math.min(bytes - from, SCRIPT_TIER_BYTES);
    price *= SCRIPT_FEE_GROWTH;
  }
  return BigInt(Math.ceil(fee));
}
