import type { Lovelace } from '../chain/block.js';
import type { ProtocolParameters } from '../chain/protocol-parameters.js';
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
