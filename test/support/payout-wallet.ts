import {
  Credential,
  EnterpriseAddress,
  make_vkey_witness,
  PrivateKey,
  TransactionHash,
} from '@dcspark/cardano-multiplatform-lib-nodejs';
import { parseNetwork } from '../../src/chain/network.js';
import { readTransaction } from '../../src/payouts/signing/read-body.js';
import { attachWitness, keyHashOf } from '../../src/payouts/signing/signed.js';
import type { UnsignedTransaction } from '../../src/payouts/transaction/transaction.js';

const KEY = PrivateKey.from_normal_bytes(new Uint8Array(32).fill(7));
const PUBLIC_KEY = KEY.to_public().to_raw_bytes();

export const TEST_NETWORK = parseNetwork('custom:42') ?? raise('no such network');

/** Of a key that everybody may know. */
export const TEST_WALLET = EnterpriseAddress.new(0, Credential.new_pub_key(KEY.to_public().hash()))
  .to_address()
  .to_bech32();

/** As the file signer would, without its looking first. */
export function signForTest({ id, cbor }: UnsignedTransaction): Uint8Array {
  const read = readTransaction(cbor, TEST_NETWORK);
  if (!read.ok) throw new Error(`the transaction ${read.problem}`);
  const hash = TransactionHash.from_hex(id);
  const witness = make_vkey_witness(hash, KEY);
  const signed = attachWitness(read.transaction, keyHashOf(PUBLIC_KEY), {
    publicKey: PUBLIC_KEY,
    signature: witness.ed25519_signature().to_raw_bytes(),
  });
  witness.free();
  hash.free();
  return signed;
}

function raise(problem: string): never {
  throw new Error(problem);
}
