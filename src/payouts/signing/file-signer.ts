import type { PrivateKey } from '@dcspark/cardano-multiplatform-lib-nodejs';
import type { Network } from '../../chain/network.js';
import type { UnsignedTransaction } from '../transaction/transaction.js';
import { checkBody } from './check-body.js';
import { attachWitness, keyHashOf, type Witness } from './signed.js';
import { type Signer, SigningRefused } from './signer.js';

/** A key that signs and can't be read: whatever prints this shows functions and public values. */
export type Keyholder = {
  readonly publicKey: Uint8Array;
  readonly keyHash: string;
  /** @param id hex, of a transaction whose body was looked at */
  witness(id: string): Witness;
  close(): void;
};

/** Takes the key: nobody else may use it from here on. */
export function holdKey(key: PrivateKey): Keyholder {
  const point = key.to_public();
  const publicKey = point.to_raw_bytes();
  point.free();
  let isOpen = true;
  return {
    publicKey,
    keyHash: keyHashOf(publicKey),
    witness(id) {
      if (!isOpen) throw new Error('the signer is closed');
      const signature = key.sign(Buffer.from(id, 'hex'));
      const bytes = signature.to_raw_bytes();
      signature.free();
      return { publicKey, signature: bytes };
    },
    close() {
      if (isOpen) key.free();
      isOpen = false;
    },
  };
}

/** Signs in this very process, what it read itself. */
export function createFileSigner(
  holder: Keyholder,
  wallet: { readonly network: Network; readonly wallet: string },
): Signer {
  const signNow = (transaction: UnsignedTransaction, signal: AbortSignal): Uint8Array => {
    signal.throwIfAborted();
    const checked = checkBody(transaction, wallet);
    if (!checked.ok) throw new SigningRefused(checked.problem);
    return attachWitness(checked.read, holder.keyHash, holder.witness(checked.read.id));
  };
  return {
    keyHash: holder.keyHash,
    sign: (transaction, signal) => Promise.resolve().then(() => signNow(transaction, signal)),
    close() {
      holder.close();
      return Promise.resolve();
    },
  };
}
