import type { Pool } from 'pg';
import { decodeNextBlock } from '../chain/decode.js';
import type { Config } from '../config.js';
import { withGuard } from '../guard/rollback.js';
import { createPaymentHandlers } from '../payments/apply.js';
import { type BooksSummary, withPayouts } from '../payouts/tracking/tracking.js';
import type { SyncEvent } from '../sync/events.js';
import type { SyncDeps } from '../sync/worker.js';
import { endpointsOf } from './endpoints.js';
import { rollbackGuardOf } from './guard.js';

/** The preferred endpoint is tried again this often while another one serves (contract: within 5 minutes). */
const PREFERRED_RETRY_MS = 120_000;

/** The settings that say how the chain is followed, and what blocks mean. */
export const CHAIN_SETTINGS = [
  'network',
  'databaseUrl',
  'databaseDirectUrl',
  'ogmiosUrls',
  'ogmiosApiKeys',
  'ogmiosApiKeyHeader',
  'ogmiosApiKeyParam',
  'startPoint',
  'partitionId',
  'totalPartitions',
  'confirmationTiers',
  'minPaymentLovelace',
  'hotWalletAddress',
  'payoutConfirmations',
  'guardRollbackDepth',
  'witnessUrls',
] as const;
export type ChainSettings = Readonly<Pick<Config, (typeof CHAIN_SETTINGS)[number]>>;

/** How this instance follows the chain, and what blocks mean to it. */
export const syncDeps = (
  config: ChainSettings,
  pool: Pool,
  observe: (event: SyncEvent<BooksSummary>) => void,
): SyncDeps<BooksSummary> => ({
  pool,
  directUrl: config.databaseDirectUrl.reveal(),
  partitionId: config.partitionId,
  totalPartitions: config.totalPartitions,
  network: config.network.name,
  startPoint: config.startPoint,
  endpoints: endpointsOf(config),
  decode: decodeNextBlock,
  createHandlers: () =>
    withGuard(
      withPayouts(
        createPaymentHandlers({
          partitionId: config.partitionId,
          policy: {
            tiers: config.confirmationTiers,
            minPaymentLovelace: config.minPaymentLovelace,
          },
          hotWallet: config.hotWalletAddress,
        }),
        { partitionId: config.partitionId, confirmations: config.payoutConfirmations },
      ),
      rollbackGuardOf(config),
    ),
  observe,
  random: Math.random,
  preferredRetryMs: PREFERRED_RETRY_MS,
});
