import { PrivateKey } from '@dcspark/cardano-multiplatform-lib-nodejs';
import type pg from 'pg';
import { makeAddress } from '../../../src/devnet/address.js';
import type { Random } from '../../../src/devnet/random.js';
import { createFileSigner, holdKey } from '../../../src/payouts/signing/file-signer.js';
import type { Signer } from '../../../src/payouts/signing/signer.js';
import { NETWORK } from '../network.js';

/** A hot wallet with a real key, drawn from the seed. */
export type HotWallet = { readonly address: string; readonly openSigner: () => Signer };

/** These wallets are empty where a database starts: nothing is to be asked for. */
export const noteBackfill = (pool: pg.Pool, { wallet }: { readonly wallet: HotWallet }) =>
  pool.query(
    `insert into wallet_backfills (partition_id, address, slot, block_hash, block_height, found)
     values (0, $1, 0, $2, -1, 0)`,
    [wallet.address, '0'.repeat(64)],
  );

export function drawWallet(random: Random): HotWallet {
  const seed = random.bytes(32);
  const open = () => holdKey(PrivateKey.from_normal_bytes(seed));
  const holder = open();
  const keyHash = Buffer.from(holder.keyHash, 'hex');
  holder.close();
  const address = makeAddress('enterprise', NETWORK.magic, keyHash);
  return {
    address,
    openSigner: () => createFileSigner(open(), { network: NETWORK, wallet: address }),
  };
}
