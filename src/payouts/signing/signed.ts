import { Ed25519Signature, PublicKey } from '@dcspark/cardano-multiplatform-lib-nodejs';
import { withLibraryObjects } from '../transaction/library-objects.js';
import type { ReadTransaction } from './read-body.js';

/** What a key says to a transaction. */
export type Witness = {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes, Ed25519 over the transaction's id. */
  readonly signature: Uint8Array;
};

/**
 * `[body, {0: [[public key, signature]]}, true, auxiliary data]`. Put together from the very bytes that were
 * read, so that the body is what was signed.
 *
 * @throws Error where the witness isn't this key's for this transaction
 */
export function attachWitness(
  { id, body, auxiliary }: ReadTransaction,
  keyHash: string,
  witness: Witness,
): Uint8Array {
  const problem = witnessProblem(id, keyHash, witness);
  if (problem !== null) throw new Error(problem);
  return Buffer.concat([
    ARRAY_OF_FOUR,
    body,
    WITNESS_HEAD,
    BYTES_32,
    witness.publicKey,
    BYTES_64,
    witness.signature,
    TRUE,
    auxiliary ?? NULL,
  ]);
}

const ARRAY_OF_FOUR = Uint8Array.of(0x84);
/** A map of one field, 0, that is a list of one pair. */
const WITNESS_HEAD = Uint8Array.of(0xa1, 0x00, 0x81, 0x82);
const BYTES_32 = Uint8Array.of(0x58, 32);
const BYTES_64 = Uint8Array.of(0x58, 64);
const TRUE = Uint8Array.of(0xf5);
const NULL = Uint8Array.of(0xf6);

function witnessProblem(id: string, keyHash: string, witness: Witness): string | null {
  if (witness.publicKey.length !== 32 || witness.signature.length !== 64) {
    return 'the signature or its public key has a wrong length';
  }
  if (keyHashOf(witness.publicKey) !== keyHash) return 'the signature is by another key';
  return isValid(id, witness) ? null : 'the signature is not one of this transaction';
}

/** Blake2b-224 of a public key, hex. @throws where the bytes are no key */
export const keyHashOf = (publicKey: Uint8Array): string =>
  withLibraryObjects((own) => own(own(PublicKey.from_bytes(publicKey)).hash()).to_hex());

const isValid = (id: string, { publicKey, signature }: Witness): boolean =>
  withLibraryObjects((own) => {
    const key = own(PublicKey.from_bytes(publicKey));
    return key.verify(Buffer.from(id, 'hex'), own(Ed25519Signature.from_raw_bytes(signature)));
  });
