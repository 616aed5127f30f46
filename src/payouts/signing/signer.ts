import type { UnsignedTransaction } from '../transaction/transaction.js';

/** Whoever holds the hot wallet's key. */
export type Signer = {
  /** Blake2b-224 of the public key, hex: the payment credential of the address that it signs for. */
  readonly keyHash: string;
  /**
   * The transaction with its witness, CBOR. The result was checked: same body, valid signature, by this
   * key. Rejects with SigningRefused where the signer says no, with anything else where it didn't answer.
   */
  sign(transaction: UnsignedTransaction, signal: AbortSignal): Promise<Uint8Array>;
  close(): Promise<void>;
};

/** The signer looked at the transaction and won't sign it: asking again changes nothing by itself. */
export class SigningRefused extends Error {
  override readonly name = 'SigningRefused';
}
