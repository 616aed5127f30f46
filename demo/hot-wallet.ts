import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Credential,
  EnterpriseAddress,
  PrivateKey,
} from '@dcspark/cardano-multiplatform-lib-nodejs';

/** A hot wallet of a key that nobody had before, in a file that only its owner can read. */
export type HotWallet = {
  readonly address: string;
  /** For `SIGNER`. */
  readonly signer: string;
  readonly close: () => Promise<void>;
};

const TESTNET = 0;

/** The key file is as `cardano-cli address key-gen` writes it, in a temporary folder of its own. */
export async function makeHotWallet(): Promise<HotWallet> {
  const folder = await mkdtemp(join(tmpdir(), 'teller-hot-wallet-'));
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    const key = PrivateKey.generate_ed25519();
    const path = join(folder, 'payment.skey');
    const content = {
      type: 'PaymentSigningKeyShelley_ed25519',
      description: 'Payment Signing Key',
      cborHex: `5820${Buffer.from(key.to_raw_bytes()).toString('hex')}`,
    };
    await writeFile(path, JSON.stringify(content), { mode: 0o600 });
    // The umask may have taken more away; teller refuses what others can read.
    await chmod(path, 0o600);
    const credential = Credential.new_pub_key(key.to_public().hash());
    const address = EnterpriseAddress.new(TESTNET, credential).to_address().to_bech32();
    key.free();
    return { address, signer: `file:${path}`, close };
  } catch (error) {
    await close();
    throw error;
  }
}
