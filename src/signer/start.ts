import { createSecureContext } from 'node:tls';
import type { Network } from '../chain/network.js';
import { ConfigError } from '../config.js';
import type { Logger } from '../health/logging.js';
import { holdKey } from '../payouts/signing/file-signer.js';
import { readKey } from '../payouts/signing/keys.js';
import { keyProblem, walletKeyHashOf } from '../payouts/signing/open-signer.js';
import type { Allowance } from './allowance.js';
import { openJournal } from './journal.js';
import { buildSignerServer } from './server.js';

export type SignerOptions = {
  readonly network: Network;
  readonly keyPath: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly journalPath: string | null;
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string };
  readonly allowance: Allowance;
  readonly log: Logger;
  readonly now?: () => Date;
};

export type RunningSigner = {
  readonly url: string;
  readonly keyHash: string;
  close(): Promise<void>;
};

/** Listens once the key is known to be the wallet's. @throws ConfigError where it isn't */
export async function startSigner(options: SignerOptions): Promise<RunningSigner> {
  const { network, allowance, log, listen } = options;
  checkTls(options.tls);
  const walletKeyHash = walletKeyHashOf(allowance.wallet);
  const holder = holdKey(await readKey(options.keyPath, '--key'));
  const problem = keyProblem(holder.keyHash, walletKeyHash, allowance.wallet, '--key');
  if (problem !== null) {
    holder.close();
    throw new ConfigError([problem]);
  }
  const journal = await openJournal(options.journalPath);
  const now = options.now ?? (() => new Date());
  const app = buildSignerServer({
    network,
    holder,
    allowance,
    journal,
    log,
    now,
    tls: options.tls,
  });
  const close = async (): Promise<void> => {
    await app.close();
    await journal.close();
    holder.close();
  };
  try {
    const url = await app.listen(listen);
    log.info({ event: 'listening', url, key_hash: holder.keyHash, ...show(allowance) }, 'signer');
    const isLimited = allowance.lovelacePerTransactionMax ?? allowance.lovelacePerDayMax;
    if (isLimited === null) log.warn({ event: 'unlimited' }, 'no limit: all may leave the wallet');
    return { url, keyHash: holder.keyHash, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function checkTls(tls: SignerOptions['tls']): void {
  try {
    createSecureContext(tls);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new ConfigError([
      "--cert, --key-file, --ca: wanted a certificate, its unencrypted key and an authority's " +
        `certificate, all as PEM; these can't be used${code}`,
    ]);
  }
}

const show = (allowance: Allowance) => ({
  wallet: allowance.wallet,
  lovelace_per_transaction: allowance.lovelacePerTransactionMax?.toString() ?? null,
  lovelace_per_day: allowance.lovelacePerDayMax?.toString() ?? null,
  destinations: allowance.destinations?.size ?? null,
  tokens: allowance.letsTokensLeave,
});
