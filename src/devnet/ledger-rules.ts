import scalus from 'scalus';
import { networkId } from './address.js';
import { writeUtxo } from './output-cbor.js';
import type { DraftOutput, Reference } from './transaction.js';

/** What the ledger says of a transaction: its id, or why not, in the library's words. */
export type LedgerVerdict =
  | { readonly type: 'valid'; readonly id: string }
  | { readonly type: 'invalid'; readonly reason: string }
  | { readonly type: 'unreadable'; readonly reason: string };

/**
 * Asks an implementation of the ledger's rules that shares no code with what builds transactions.
 *
 * @param utxo what the transaction spends and refers to; nothing else is looked at
 * @param slot the slot of the block that it would be in
 */
export function judgeByLedger(
  cbor: Uint8Array,
  utxo: Iterable<readonly [Reference, DraftOutput]>,
  slot: number,
  networkMagic: number,
): LedgerVerdict {
  const emulator = emulatorOf(utxo, networkMagic);
  if (emulator === undefined) return { type: 'invalid', reason: TOO_MUCH };
  emulator.setSlot(slot);
  try {
    const { isSuccess, txHash, error } = emulator.submitTx(cbor);
    if (isSuccess && txHash !== undefined) return { type: 'valid', id: txHash };
    return { type: 'invalid', reason: error ?? 'no reason given' };
  } catch (error) {
    // Its messages on malformed CBOR run to megabytes.
    return { type: 'unreadable', reason: String(error).slice(0, REASON_LENGTH_MAX) };
  }
}

/** Quantities from 2^63 on are more than the library counts, and less than the devnet mints. */
const TOO_MUCH = 'The devnet can not judge what is done with so many tokens.';

function emulatorOf(utxo: Iterable<readonly [Reference, DraftOutput]>, networkMagic: number) {
  try {
    return new scalus.Emulator(writeUtxo(utxo), slotsOf(networkMagic));
  } catch {
    return undefined;
  }
}

const REASON_LENGTH_MAX = 300;

/** The library tells main and test networks apart by this; only scripts ever look at the times. */
const slotsOf = (networkMagic: number) =>
  networkId(networkMagic) === 1 ? scalus.SlotConfig.mainnet : new scalus.SlotConfig(0, 0, 1000);
