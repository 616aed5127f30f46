import {
  AuxiliaryData,
  hash_auxiliary_data,
  hash_transaction,
  PrivateKey,
  TransactionBody,
} from '@dcspark/cardano-multiplatform-lib-nodejs';
import { base58, bech32 } from '@scure/base';
import { encode } from 'cborg';
import { outputReference } from '../../src/chain/block.js';
import { parseNetwork } from '../../src/chain/network.js';
import type { Slot } from '../../src/chain/point.js';
import type { UnsignedTransaction } from '../../src/payouts/transaction/transaction.js';
import { enterpriseAddress } from './addresses.js';

const preprod = parseNetwork('preprod');
if (preprod === undefined) throw new Error('preprod is a network');
export const PREPROD = preprod;

/** Made up, and never to be used anywhere else. */
export const KEY_HEX = '5a'.repeat(32);
export const testKey = () => PrivateKey.from_normal_bytes(Buffer.from(KEY_HEX, 'hex'));
export const KEY_HASH = testKey().to_public().hash().to_hex();
export const WALLET = bech32.encode(
  'addr_test',
  bech32.toWords(Buffer.from(`60${KEY_HASH}`, 'hex')),
  false,
);
export const POLICY = 'ab'.repeat(28);

/** Key by key as the ledger has them; a test changes what it is about. */
export type Body = Map<number, unknown>;
export type Parts = { body: Body; metadata: Map<number, unknown> | null; tail: string | null };

const PAYOUT_IDS = ['11'.repeat(16), '22'.repeat(16)] as const;
const HASHES = ['0a'.repeat(32), '0b'.repeat(32)] as const;
const hex = (text: string) => Buffer.from(text, 'hex');

export function addressBytes(text: string): Uint8Array {
  const decoded = bech32.decodeUnsafe(text, false);
  return decoded ? bech32.fromWords(decoded.words) : base58.decode(text);
}

const PAYEES = [
  { address: enterpriseAddress(1), lovelace: 5_000_000n, assets: new Map<string, bigint>() },
  { address: enterpriseAddress(2), lovelace: 2_000_000n, assets: new Map([[`${POLICY}41`, 7n]]) },
] as const;

function plainParts(): Parts {
  const token = new Map([[hex(POLICY), new Map([[hex('41'), 7]])]]);
  const body: Body = new Map<number, unknown>([
    [0, HASHES.map((hash, index) => [hex(hash), index])],
    [
      1,
      [
        [addressBytes(PAYEES[0].address), 5_000_000],
        new Map<number, unknown>([
          [0, addressBytes(PAYEES[1].address)],
          [1, [2_000_000, token]],
        ]),
        [addressBytes(WALLET), 12_800_000],
      ],
    ],
    [2, 200_000],
    [3, 5000],
    [15, 0],
  ]);
  const metadata = new Map([[8355377, [1, 1, PAYOUT_IDS.map(hex)]]]);
  return { body, metadata, tail: null };
}

/** Two payees, one with a token, and change; `change` edits the bytes and leaves the claims. */
export function unsigned(change: (parts: Parts) => void = () => {}): UnsignedTransaction {
  const parts = plainParts();
  change(parts);
  const auxiliary = parts.metadata === null ? null : encode(parts.metadata);
  if (auxiliary !== null && !parts.body.has(7)) {
    const hash = hash_auxiliary_data(AuxiliaryData.from_cbor_bytes(auxiliary));
    parts.body.set(7, hash.to_raw_bytes());
  }
  const body = Buffer.from(encode(parts.body)).toString('hex');
  const tail = parts.tail ?? `a0f5${auxiliary ? Buffer.from(auxiliary).toString('hex') : 'f6'}`;
  return claimed(idOf(body), `84${body}${tail}`);
}

/** Where the library can't read it, whatever id is claimed doesn't matter. */
export function idOf(body: string): string {
  try {
    return hash_transaction(TransactionBody.from_cbor_hex(body)).to_hex();
  } catch {
    return '00'.repeat(32);
  }
}

const claimed = (id: string, cbor: string): UnsignedTransaction => ({
  id,
  cbor,
  inputs: [
    {
      reference: outputReference(HASHES[0], 0),
      lovelace: 10_000_000n,
      assets: new Map([[`${POLICY}41`, 7n]]),
      hasScript: false,
      chainDepth: 0,
    },
    {
      reference: outputReference(HASHES[1], 1),
      lovelace: 10_000_000n,
      assets: new Map(),
      hasScript: false,
      chainDepth: 0,
    },
  ],
  anchor: outputReference(HASHES[1], 1),
  payees: PAYEES.map((payee, outputIndex) => ({
    ...payee,
    payoutId: PAYOUT_IDS[outputIndex] ?? '',
    outputIndex,
  })),
  change: [{ outputIndex: 2, lovelace: 12_800_000n, assets: new Map() }],
  fee: 200_000n,
  invalidHereafter: 5000 as Slot,
  bytes: 500,
});
