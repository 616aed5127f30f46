import type { Pool } from 'pg';
import { SECURITY_PARAMETER_BLOCKS } from '../chain/point.js';
import { type Config, ConfigError } from '../config.js';
import { describeDatabaseError } from '../database/pool.js';
import type { Logger } from '../health/logging.js';
import { buildTransaction } from '../payouts/build.js';
import { createOgmiosNode } from '../payouts/ogmios-node.js';
import { openSigner } from '../payouts/open-signer.js';
import type { PayerEvent } from '../payouts/payer-deps.js';
import { type Nudges, runPayer } from '../payouts/run-payer.js';
import { readIdentity } from '../payouts/term-queries.js';
import type { Endpoints } from '../sync/endpoints.js';

/** Bytes that no block took are submitted again this often: nodes forget, and mempools drop. */
const RESUBMIT_MS = 30_000;
/** Without a nudge: a queue that is lost makes payouts slower by this much. */
const SWEEP_MS = 5_000;
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
 * Opens the signer and pays until the signal aborts. A key that isn't the hot wallet's is refused at once;
 * a remote signer that doesn't answer yet is waited for by the process's supervisor.
 *
 * @throws ConfigError
 */
export async function startPayer(
  config: Config,
  parts: PayerParts,
  signal: AbortSignal,
): Promise<{ readonly done: Promise<void> }> {
  const { signer: address, hotWalletAddress } = config;
  if (address === null || hotWalletAddress === null) {
    throw new ConfigError(['SIGNER: the role payouts needs SIGNER and HOT_WALLET_ADDRESS']);
  }
  const signer = await openSigner(
    address,
    {
      network: config.network,
      hotWalletAddress,
      tls: {
        cert: config.signerClientCertificate,
        key: config.signerClientKey,
        ca: config.signerCa,
      },
    },
    signal,
  );
  const node = createOgmiosNode(parts.endpoints, { now: Date.now });
  const deps = {
    pool: parts.pool,
    partitionId: config.partitionId,
    network: config.network,
    wallet: hotWalletAddress,
    confirmations: config.payoutConfirmations,
    validitySeconds: config.payoutValiditySeconds,
    unconfirmedMax: config.payoutUnconfirmedMax,
    batch: { payoutsMax: config.payoutBatchMax, waitMs: config.payoutBatchWaitMs },
    securityParameter: SECURITY_PARAMETER_BLOCKS,
    resubmitMs: RESUBMIT_MS,
    spareOutputs: SPARE_OUTPUTS,
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
  const done = runPayer(deps, options, signal)
    .catch((error: unknown) => {
      parts.log.error(
        { event: 'payer_failed', reason: describeDatabaseError(error) },
        'paying ended',
      );
      throw error;
    })
    .finally(async () => {
      node.close();
      await signer.close();
    });
  return { done };
}
