import { createHash } from 'node:crypto';
import type { AddressKind } from './address.js';
import { makeAddress } from './address.js';
import type { Wallet } from './draft.js';
import type { Random } from './random.js';
import type { DevnetOutput, DraftOutput, Reference } from './transaction.js';
import { referenceOf } from './transaction.js';

/** What there is before the first block: nearly all of the 45 billion ada that can ever be. */
export type Genesis = {
  /** Hash of the genesis file, which a Byron chain's first block names as its ancestor. */
  readonly id: string;
  readonly wallet: Wallet;
  readonly utxo: ReadonlyMap<Reference, DevnetOutput>;
};

const FAUCET_OUTPUTS = 32;
const FAUCET_LOVELACE = 10n ** 15n;
const PURSE_OUTPUTS = 256;
const PURSE_LOVELACE = 50_000_000n;
/** Above 2^53, so that even the first ledger state can't be read with floats. */
const WHALE_LOVELACE = 12_345_678_901_234_567n;

/** An output that is there before the first block. */
export type Endowment = readonly [Reference, DraftOutput];

export function makeGenesis(
  seed: number | string,
  networkMagic: number,
  random: Random,
  endowments: Iterable<Endowment> = [],
): Genesis {
  const address = (kind: AddressKind) =>
    makeAddress(kind, networkMagic, random.bytes(28), random.bytes(28));
  const wallet = { faucet: address('base'), purse: address('enterprise') };
  const id = createHash('sha256').update(`genesis ${seed}`).digest('hex');
  const utxo = new Map<Reference, DevnetOutput>();
  const put = (owner: string, lovelace: bigint): void => {
    const output = { address: owner, lovelace, assets: new Map(), createdHeight: -1 };
    utxo.set(referenceOf(id, utxo.size), output);
  };
  for (let i = 0; i < FAUCET_OUTPUTS; i += 1) put(wallet.faucet, FAUCET_LOVELACE);
  for (let i = 0; i < PURSE_OUTPUTS; i += 1) put(wallet.purse, PURSE_LOVELACE);
  put(address('enterprise'), WHALE_LOVELACE);
  for (const [reference, output] of endowments) {
    utxo.set(reference, { ...output, assets: output.assets ?? new Map(), createdHeight: -1 });
  }
  return { id, wallet, utxo };
}
