import type { Pool } from 'pg';
import { SECURITY_PARAMETER_BLOCKS } from '../chain/point.js';
import { type Config, ConfigError } from '../config.js';
import { readIdentity } from '../payouts/model/database-identity.js';
import { createOgmiosNode } from '../payouts/node/ogmios-node.js';
import type { PayerDeps } from '../payouts/paying/payer-deps.js';
import { PAYER_LOCK_CLASS } from '../payouts/paying/run-payer.js';
import { openSigner } from '../payouts/signing/open-signer.js';
import { buildTransaction } from '../payouts/transaction/build.js';
import { endpointsOf } from '../run/endpoints.js';
import { waitForLeadership } from '../sync/leader.js';
import { walletAddress } from './wallet.js';

export const SETTINGS = [
  'network',
  'partitionId',
  'hotWalletAddress',
  'ogmiosUrls',
  'ogmiosApiKeys',
  'ogmiosApiKeyHeader',
  'ogmiosApiKeyParam',
  'payoutConfirmations',
  'payoutValiditySeconds',
] as const;
export const SIGNER_SETTINGS = [
  'signer',
  'payoutIdSecret',
  'signerClientCertificate',
  'signerClientKey',
  'signerCa',
] as const;

export type Settings = Pick<Config, (typeof SETTINGS)[number] | 'databaseDirectUrl'>;
export type SignerSettings = Pick<Config, (typeof SIGNER_SETTINGS)[number]>;

/** An instance that stops frees its lock at once; one that crashed, within seconds. */
const LOCK_WAIT_MS = 3_000;

/** Why nothing was done, in words for whoever asked. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

export const planDeps = (pool: Pool, settings: Settings) => ({
  pool,
  partitionId: settings.partitionId,
  network: settings.network,
  wallet: walletAddress(settings.hotWalletAddress),
  confirmations: settings.payoutConfirmations,
  validitySeconds: settings.payoutValiditySeconds,
  securityParameter: SECURITY_PARAMETER_BLOCKS,
  node: createOgmiosNode(endpointsOf(settings), { now: Date.now }),
  build: buildTransaction,
});

export type PlanDeps = ReturnType<typeof planDeps>;

export function openSignerOf(settings: Settings & SignerSettings, wallet: string) {
  if (settings.signer === null) {
    throw new ConfigError(["SIGNER: is required to sign, and isn't set; --dry-run needs none"]);
  }
  return openSigner(settings.signer, {
    network: settings.network,
    hotWalletAddress: wallet,
    tls: {
      cert: settings.signerClientCertificate,
      key: settings.signerClientKey,
      ca: settings.signerCa,
    },
  });
}

/** Two that sign for one wallet would only spoil each other's plans: who pays has to stop first. */
export const takeOffice = (directUrl: string, { partitionId }: PlanDeps) =>
  waitForLeadership(directUrl, partitionId, AbortSignal.timeout(LOCK_WAIT_MS), {
    lockClass: PAYER_LOCK_CLASS,
  }).catch(() => {
    throw new Refused(
      'an instance pays now, and two may not sign for one wallet: stop those with the role payouts ' +
        '(`teller run --roles sync,api` follows the chain and leaves paying), and start them again afterwards',
    );
  });

export const payerDeps = (
  deps: PlanDeps,
  signer: PayerDeps['signer'],
  onWritten: (txHash: string) => void,
): PayerDeps => ({
  ...deps,
  signer,
  unconfirmedMax: 0,
  batch: { payoutsMax: 1, waitMs: 0 },
  resubmitMs: 30_000,
  spareOutputs: 1,
  readIdentity,
  observe: (event) => {
    if (event.type === 'payouts_submitted') onWritten(event.txHash);
  },
  now: () => new Date(),
  launch: (_, submit) => submit(),
});
