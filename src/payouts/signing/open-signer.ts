import { createSecureContext } from 'node:tls';
import { parseAddress } from '../../chain/address.js';
import { paymentKeyHashOf } from '../../chain/address-bytes.js';
import type { Network } from '../../chain/network.js';
import type { SignerAddress } from '../../config/settings.js';
import { ConfigError } from '../../config.js';
import { createFileSigner, holdKey } from './file-signer.js';
import { readKey } from './keys.js';
import { askForKey, createRemoteSigner } from './remote-signer.js';
import type { Signer } from './signer.js';
import { type ClientTls, connectSigner } from './signer-call.js';

export type SignerContext = {
  readonly network: Network;
  readonly hotWalletAddress: string;
  /** SIGNER_CLIENT_CERT, SIGNER_CLIENT_KEY and SIGNER_CA: of a remote signer. */
  readonly tls: ClientTls;
};

/**
 * The signer that SIGNER names, once it is known to sign for HOT_WALLET_ADDRESS.
 *
 * @throws ConfigError where it never will, any other Error where a remote signer doesn't answer for now
 */
export async function openSigner(
  address: SignerAddress,
  { network, hotWalletAddress, tls }: SignerContext,
  signal: AbortSignal = new AbortController().signal,
): Promise<Signer> {
  const wallet = { network, wallet: hotWalletAddress };
  const walletKeyHash = walletKeyHashOf(hotWalletAddress);
  if (address.kind === 'file') {
    const holder = holdKey(await readKey(address.path, 'SIGNER'));
    const problem = keyProblem(holder.keyHash, walletKeyHash, hotWalletAddress);
    if (problem === null) return createFileSigner(holder, wallet);
    holder.close();
    throw new ConfigError([problem]);
  }
  const call = openCall(address.url, tls);
  try {
    const key = await askForKey(call, signal);
    const problem =
      key.network === network.name
        ? keyProblem(key.keyHash, walletKeyHash, hotWalletAddress)
        : `SIGNER: signs for ${JSON.stringify(key.network)}, but NETWORK is ${network.name}`;
    if (problem !== null) throw new ConfigError([problem]);
    return createRemoteSigner(call, key.keyHash, wallet);
  } catch (error) {
    call.close();
    throw error;
  }
}

/** What can be said against a signer without asking anybody. @throws ConfigError */
export async function checkSigner(address: SignerAddress, context: SignerContext): Promise<void> {
  if (address.kind === 'file') await (await openSigner(address, context)).close();
  else {
    walletKeyHashOf(context.hotWalletAddress);
    openCall(address.url, context.tls).close();
  }
}

/** The hash of the one key that spends from the hot wallet. @throws ConfigError where there is none */
export function walletKeyHashOf(hotWalletAddress: string): string {
  const keyHash = paymentKeyHashOf(hotWalletAddress);
  if (keyHash !== null) return keyHash;
  const parsed = parseAddress(hotWalletAddress);
  const kind = !parsed.ok || parsed.address.kind !== 'byron' ? 'a script or no key' : 'Byron';
  throw new ConfigError([
    `HOT_WALLET_ADDRESS: given ${JSON.stringify(hotWalletAddress)}, which is of ${kind}; ` +
      'to sign for it, wanted a Shelley address that one key spends from',
  ]);
}

/** Both hashes are public: they are in every transaction and address. */
export function keyProblem(
  keyHash: string,
  walletKeyHash: string,
  hotWalletAddress: string,
  setting = 'SIGNER',
): string | null {
  return keyHash === walletKeyHash
    ? null
    : `${setting}: its key has the hash ${keyHash}, but HOT_WALLET_ADDRESS ${hotWalletAddress} ` +
        `belongs to the key with the hash ${walletKeyHash}: give the key of that address`;
}

/** A signer that doesn't know who asks would sign for anybody who finds it. */
function openCall(url: string, tls: ClientTls) {
  const missing = [
    ['SIGNER_CLIENT_CERT', tls.cert] as const,
    ['SIGNER_CLIENT_KEY', tls.key] as const,
  ].filter(([, value]) => value === null);
  if (missing.length > 0) {
    throw new ConfigError(
      missing.map(([name]) => `${name}: is required where SIGNER is https://…, and isn't set`),
    );
  }
  try {
    createSecureContext({
      cert: tls.cert?.reveal(),
      key: tls.key?.reveal(),
      ca: tls.ca?.reveal(),
    });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new ConfigError([
      'SIGNER_CLIENT_CERT, SIGNER_CLIENT_KEY, SIGNER_CA: wanted a certificate, its unencrypted key ' +
        `and an authority's certificate, all as PEM; these can't be used${code}`,
    ]);
  }
  return connectSigner(url, tls);
}
