import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { buildHttp } from './api/server.js';
import { decodeNextBlock } from './chain/decode.js';
import { type Config, ConfigError } from './config.js';
import { migrate, pendingMigrations } from './database/migrate.js';
import { createPool, describeDatabaseError } from './database/pool.js';
import { logSyncEvent } from './health/log-events.js';
import type { Logger } from './health/logging.js';
import { createMetrics, type Metrics } from './health/metrics.js';
import { createRedisPing } from './health/redis.js';
import { observeVitals, startingVitals, type Vitals } from './health/vitals.js';
import { createPaymentHandlers } from './payments/apply.js';
import type { PaymentsSummary } from './payments/payment.js';
import { payoutPolicyOf } from './payouts/policy.js';
import { verifyNightly } from './reconcile/verify-nightly.js';
import type { Endpoints } from './sync/endpoints.js';
import type { SyncEvent } from './sync/events.js';
import { runSync, type SyncDeps, WrongDatabase } from './sync/worker.js';
import { readVersion } from './version.js';

export type RunOptions = {
  readonly roles: readonly string[];
  readonly log: Logger;
  /** Told everything that following the chain tells; the demo narrates from it. */
  readonly onSyncEvent?: (event: SyncEvent<PaymentsSummary>) => void;
  /** Ends the daemon like SIGTERM does. */
  readonly signal?: AbortSignal;
};

/** The preferred endpoint is tried again this often while another one serves (contract: within 5 minutes). */
const PREFERRED_RETRY_MS = 120_000;

/** The daemon. Resolves with the exit code once it has let go of everything. */
export async function run(config: Config, options: RunOptions): Promise<number> {
  const { log } = options;
  const closers: (() => unknown)[] = [];
  const stopping = new AbortController();
  try {
    await bringUpToDate(config, log);
    const pool = openPool(config, log);
    closers.push(() => pool.end());
    await refuseOtherDatabase(pool, config);
    await refuseSharedHotWallet(pool, config);
    const observed = observer(options);
    const http = await listen(config, options, pool, observed);
    closers.push(() => http.close());
    closers.push(stopOnSignals(stopping, config.shutdownTimeoutMs, options));
    closers.push(
      verifyNightly({
        cron: config.verifyCron,
        pool,
        isLeader: () => observed.vitals().role === 'leader',
        setBalanceMismatches: observed.metrics.setBalanceMismatches,
        log,
      }),
    );
    await follow(config, options, pool, observed, stopping.signal);
    return 0;
  } catch (error) {
    if (error instanceof WrongDatabase) throw new ConfigError([`DATABASE_URL: ${error.message}`]);
    throw error;
  } finally {
    stopping.abort(new Error('stopped'));
    await closeAll(closers, config.shutdownTimeoutMs, log);
  }
}

async function bringUpToDate(config: Config, log: Logger): Promise<void> {
  const url = config.databaseDirectUrl.reveal();
  if (config.migrateOnStart) {
    const applied = await migrate(url);
    if (applied.length > 0) log.info({ event: 'migrated', applied }, 'schema brought up to date');
    return;
  }
  const pending = await pendingMigrations(url);
  if (pending.length === 0) return;
  throw new ConfigError([
    `MIGRATE_ON_START: is false and ${pending.length} migrations are pending (${pending.join(', ')}); run \`teller migrate\``,
  ]);
}

const openPool = (config: Config, log: Logger): Pool =>
  createPool({
    url: config.databaseUrl.reveal(),
    connectionsMax: config.databasePoolMax,
    applicationName: 'chain-teller',
    behindPooler: config.databaseUrl.reveal() !== config.databaseDirectUrl.reveal(),
    onIdleError: (error) => {
      // As `err` it would carry pg's client along, with all its settings.
      const reason = describeDatabaseError(error);
      log.warn({ event: 'database_connection_lost', reason }, 'connection lost');
    },
  });

const IDENTITY = `
  select network, total_partitions as "totalPartitions" from sync_state where partition_id = $1`;

/** Said at the start, also by an instance that would only stand by or serve the API. */
async function refuseOtherDatabase(pool: Pool, config: Config): Promise<void> {
  type Identity = { network: string; totalPartitions: number };
  const { rows } = await pool.query<Identity>(IDENTITY, [config.partitionId]);
  const [stored] = rows;
  if (stored === undefined) return;
  const problems: string[] = [];
  const { network, totalPartitions } = config;
  if (stored.network !== network.name) {
    problems.push(
      `NETWORK: given ${network.name}, but the database at DATABASE_URL follows ${stored.network}`,
    );
  }
  if (stored.totalPartitions !== totalPartitions) {
    problems.push(
      `TOTAL_PARTITIONS: given ${totalPartitions}, but the database at DATABASE_URL is laid out for ${stored.totalPartitions}`,
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);
}

const IS_DEPOSIT_ADDRESS = 'select 1 from payment_addresses where address = $1';

/** Money at one address can't be a customer's deposit and the company's own at the same time. */
async function refuseSharedHotWallet(pool: Pool, config: Config): Promise<void> {
  if (config.hotWalletAddress === null) return;
  const { rows } = await pool.query(IS_DEPOSIT_ADDRESS, [config.hotWalletAddress]);
  if (rows.length === 0) return;
  throw new ConfigError([
    `HOT_WALLET_ADDRESS: ${config.hotWalletAddress} is registered as a deposit address; use another one`,
  ]);
}

type Observed = {
  readonly observe: (event: SyncEvent<PaymentsSummary>) => void;
  readonly vitals: () => Vitals;
  readonly metrics: Metrics;
};

function observer({ log, onSyncEvent }: RunOptions): Observed {
  const metrics = createMetrics(new Registry(), Date.now);
  let vitals = startingVitals(Date.now());
  return {
    metrics,
    vitals: () => vitals,
    observe: (event) => {
      vitals = observeVitals(vitals, event, Date.now());
      metrics.observe(event, vitals);
      logSyncEvent(log, event);
      onSyncEvent?.(event);
    },
  };
}

async function listen(
  config: Config,
  { log, roles }: RunOptions,
  pool: Pool,
  { metrics, vitals }: Observed,
): Promise<FastifyInstance> {
  const redis = config.redisUrl === null ? null : createRedisPing(config.redisUrl);
  const http = buildHttp({
    version: readVersion(),
    network: config.network,
    partitionId: config.partitionId,
    readyMaxLagBlocks: config.readyMaxLagBlocks,
    hotWalletAddress: config.hotWalletAddress,
    apiKeys: roles.includes('api') ? config.apiKeys : null,
    payouts: payoutPolicyOf(config),
    nudge: () => undefined,
    pool,
    metrics,
    vitals,
    pingRedis: redis === null ? null : () => redis.ping(),
    now: Date.now,
    log,
  });
  http.addHook('onClose', () => redis?.close());
  const address = await http.listen({ host: config.httpHost, port: config.httpPort });
  log.info({ event: 'listening', address }, 'health, metrics and API answer here');
  return http;
}

async function follow(
  config: Config,
  { roles }: RunOptions,
  pool: Pool,
  { observe }: Observed,
  signal: AbortSignal,
): Promise<void> {
  if (roles.includes('sync')) return runSync(syncDeps(config, pool, observe), signal);
  observe({ type: 'standby' });
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
}

const syncDeps = (
  config: Config,
  pool: Pool,
  observe: Observed['observe'],
): SyncDeps<PaymentsSummary> => ({
  pool,
  directUrl: config.databaseDirectUrl.reveal(),
  partitionId: config.partitionId,
  totalPartitions: config.totalPartitions,
  network: config.network.name,
  startPoint: config.startPoint,
  endpoints: endpointsOf(config),
  decode: decodeNextBlock,
  createHandlers: () =>
    createPaymentHandlers({
      partitionId: config.partitionId,
      policy: {
        tiers: config.confirmationTiers,
        minPaymentLovelace: config.minPaymentLovelace,
      },
      hotWallet: config.hotWalletAddress,
    }),
  observe,
  random: Math.random,
  preferredRetryMs: PREFERRED_RETRY_MS,
});

function endpointsOf(config: Config): Endpoints {
  const [first, ...others] = config.ogmiosUrls.map((url) => url.reveal());
  if (first === undefined) throw new ConfigError(['OGMIOS_URL: is required and is not set']);
  return {
    urls: [first, ...others],
    keys: (config.ogmiosApiKeys ?? []).map((key) => key.reveal()),
    keyHeader: config.ogmiosApiKeyHeader,
    keyParam: config.ogmiosApiKeyParam,
  };
}

/** The first signal drains, the second one ends at once. */
function stopOnSignals(
  stopping: AbortController,
  timeoutMs: number,
  { log, signal }: RunOptions,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  const stop = (reason: string): void => {
    if (stopping.signal.aborted) process.exit(1);
    log.info({ event: 'stopping', reason }, 'finishing what is under way');
    timer = endInTime(timeoutMs, log);
    stopping.abort(new Error(reason));
  };
  const onTerm = (): void => stop('SIGTERM');
  const onInt = (): void => stop('SIGINT');
  process.on('SIGTERM', onTerm);
  process.on('SIGINT', onInt);
  signal?.addEventListener('abort', () => stop('stopped'), { once: true });
  return () => {
    clearTimeout(timer);
    process.off('SIGTERM', onTerm);
    process.off('SIGINT', onInt);
  };
}

/** Also a database that answers nothing, which no draining can outlast, ends within the time that was given. */
function endInTime(timeoutMs: number, log: Logger): NodeJS.Timeout {
  const timer = setTimeout(() => {
    log.error({ event: 'shutdown_timeout' }, 'not everything let go in time');
    process.exit(1);
  }, timeoutMs);
  return timer.unref();
}

/** Last opened, first closed; what doesn't close in time is left to the process's end. */
async function closeAll(closers: (() => unknown)[], timeoutMs: number, log: Logger): Promise<void> {
  const timer = endInTime(timeoutMs, log);
  for (const close of closers.reverse()) {
    try {
      await close();
    } catch (err) {
      log.warn({ event: 'close_failed', err }, 'something did not close');
    }
  }
  clearTimeout(timer);
}
