import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { SECURITY_PARAMETER_BLOCKS } from '../chain/point.js';
import { type Config, ConfigError } from '../config.js';
import { describeDatabaseError } from '../database/pool.js';
import type { Logger } from '../health/logging.js';
import { readIdentity } from '../payouts/model/database-identity.js';
import { payoutPolicyOf } from '../payouts/model/policy.js';
import { createOgmiosNode } from '../payouts/node/ogmios-node.js';
import type { PayerEvent } from '../payouts/paying/payer-deps.js';
import { type Nudges, runPayer } from '../payouts/paying/run-payer.js';
import { checkSigner, openSigner } from '../payouts/signing/open-signer.js';
import type { Signer } from '../payouts/signing/signer.js';
import { buildTransaction } from '../payouts/transaction/build.js';
import type { Endpoints } from '../sync/endpoints.js';
import { checkAll } from './check-all.js';

/** Bytes that no block took are submitted again this often: nodes forget, and mempools drop. */
const RESUBMIT_MS = 30_000;
/** Without a nudge: a queue that is lost makes payouts slower by this much. */
const SWEEP_MS = 5_000;
/** A signer that didn't answer at the start is asked again this often. */
const SIGNER_RETRY_MS = 3_000;
/** As many batches can be paid before the change of the first one is in a block. */
const SPARE_OUTPUTS = 10;

export type PayerParts = {
  readonly pool: Pool;
  readonly endpoints: Endpoints;
  readonly nudges: Nudges;
  readonly observe: (event: PayerEvent) => void;
  readonly log: Logger;
};

/** Whether this instance is set to pay. */
export const isSetToPay = (config: Config): boolean => config.signer !== null;

/**
 * Pays until the signal aborts. A key that isn't the hot wallet's is refused at once. A remote signer that
 * doesn't answer yet is waited for: deposits come in all the same, and another instance may reach its own.
 *
 * @throws ConfigError, also from `done` where a signer that was waited for has another wallet's key
 */
export async function startPayer(
  config: Config,
  parts: PayerParts,
  signal: AbortSignal,
): Promise<{ readonly done: Promise<void> }> {
  const { address, context } = signerOf(config);
  const tryToOpen = () =>
    openSigner(address, context, signal).catch(tellAndGoOn(parts.log, signal));
  const first = await tryToOpen();
  const done = (async () => {
    const signer = first ?? (await openInTime(tryToOpen, signal));
    if (signer !== null) {
      await payWith(signer, config, context.hotWalletAddress, parts, signal);
    }
  })();
  return { done };
}

/** All that is wrong with who pays and what may be paid, before any connection is made. @throws ConfigError */
export async function checkPayoutSettings(config: Config, roles: readonly string[]): Promise<void> {
  await checkAll([
    () => payoutPolicyOf(config),
    async () => {
      if (!roles.includes('payouts')) return;
      const { address, context } = signerOf(config);
      await checkSigner(address, context);
    },
  ]);
}

function signerOf(config: Config) {
  const { network, signer: address, hotWalletAddress } = config;
  if (address === null || hotWalletAddress === null) {
    throw new ConfigError(['SIGNER: the role payouts needs SIGNER and HOT_WALLET_ADDRESS']);
  }
  const tls = {
    cert: config.signerClientCertificate,
    key: config.signerClientKey,
    ca: config.signerCa,
  };
  return { address, context: { network, hotWalletAddress, tls } };
}

/** Null: it may answer later. What never will is thrown. */
const tellAndGoOn =
  (log: Logger, signal: AbortSignal) =>
  (error: unknown): null => {
    if (error instanceof ConfigError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    if (!signal.aborted) {
      log.warn({ event: 'signer_unreachable', reason }, 'nothing is paid until the signer answers');
    }
    return null;
  };

/** Null where the signal came first. */
async function openInTime(
  tryToOpen: () => Promise<Signer | null>,
  signal: AbortSignal,
): Promise<Signer | null> {
  while (!signal.aborted) {
    await sleep(SIGNER_RETRY_MS, undefined, { signal }).catch(() => undefined);
    const signer = await tryToOpen();
    if (signer !== null) return signer;
  }
  return null;
}

/** What the settings say of paying. */
export const payerSettings = (config: Config, wallet: string) => ({
  partitionId: config.partitionId,
  network: config.network,
  wallet,
  confirmations: config.payoutConfirmations,
  validitySeconds: config.payoutValiditySeconds,
  unconfirmedMax: config.payoutUnconfirmedMax,
  batch: { payoutsMax: config.payoutBatchMax, waitMs: config.payoutBatchWaitMs },
  securityParameter: SECURITY_PARAMETER_BLOCKS,
  resubmitMs: RESUBMIT_MS,
  spareOutputs: SPARE_OUTPUTS,
});

async function payWith(
  signer: Signer,
  config: Config,
  wallet: string,
  parts: PayerParts,
  signal: AbortSignal,
): Promise<void> {
  const node = createOgmiosNode(parts.endpoints, { now: Date.now });
  const deps = {
    pool: parts.pool,
    ...payerSettings(config, wallet),
    node,
    signer,
    build: buildTransaction,
    readIdentity,
    observe: parts.observe,
    now: () => new Date(),
  };
  const options = {
    directUrl: config.databaseDirectUrl.reveal(),
    nudges: parts.nudges,
    sweepMs: SWEEP_MS,
  };
  try {
    await runPayer(deps, options, signal);
  } catch (error) {
    const reason = describeDatabaseError(error);
    parts.log.error({ event: 'payer_failed', reason }, 'paying ended');
    throw error;
  } finally {
    node.close();
    await signer.close();
  }
}
