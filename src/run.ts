import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { buildHttp } from './api/server.js';
import { type Config, ConfigError } from './config.js';
import { migrate, pendingMigrations } from './database/migrate.js';
import { createPool, describeDatabaseError } from './database/pool.js';
import { logSyncEvent } from './health/log-events.js';
import type { Logger } from './health/logging.js';
import { createMetrics, type Metrics } from './health/metrics.js';
import { type PayerVitals, watchPayer } from './health/payer-vitals.js';
import { createRedisPing } from './health/redis.js';
import { observeVitals, startingVitals, type Vitals } from './health/vitals.js';
import { refuseOtherIdSecret } from './payouts/model/id-secret.js';
import { payoutPolicyOf } from './payouts/model/policy.js';
import type { PayerEvent } from './payouts/paying/payer-deps.js';
import { type NudgeQueue, openQueue } from './payouts/queue/queue.js';
import type { BooksSummary } from './payouts/tracking/tracking.js';
import type { ProofEvent } from './reconcile/model/proof-events.js';
import { tellBackupDirectory } from './run/backup-directory.js';
import { syncDeps } from './run/chain.js';
import { endpointsOf } from './run/endpoints.js';
import { leadingTasks } from './run/leading.js';
import { checkPayoutSettings, type PayerParts, startPayer } from './run/payer.js';
import { endInTime, stopOnSignals } from './run/stopping.js';
import type { SyncEvent } from './sync/events.js';
import { runSync, WrongDatabase } from './sync/worker.js';
import { readVersion } from './version.js';

export type RunOptions = {
  readonly roles: readonly string[];
  readonly log: Logger;
  /** Told everything that following the chain tells; the demo narrates from it. */
  readonly onSyncEvent?: (event: SyncEvent<BooksSummary>) => void;
  /** The same of proving the books. */
  readonly onProofEvent?: (event: ProofEvent) => void;
  /** The same of paying. */
  readonly onPayerEvent?: (event: PayerEvent) => void;
  /** Ends the daemon like SIGTERM does. */
  readonly signal?: AbortSignal;
};

/** The daemon. Resolves with the exit code once it has let go of everything. */
export async function run(config: Config, options: RunOptions): Promise<number> {
  const { log } = options;
  const closers: (() => unknown)[] = [];
  const stopping = new AbortController();
  try {
    await checkPayoutSettings(config, options.roles);
    // Not awaited: a file system of the network may never answer.
    void tellBackupDirectory(config, options.roles, log);
    await bringUpToDate(config, log);
    const pool = openPool(config, log);
    closers.push(() => pool.end());
    await refuseOtherDatabase(pool, config);
    await refuseSharedHotWallet(pool, config);
    const usesPayoutIds = options.roles.includes('api') || options.roles.includes('payouts');
    if (usesPayoutIds) await refuseOtherIdSecret(pool, config.payoutIdSecret);
    const observed = observer(options);
    const queue = await openNudges(config, log);
    if (queue !== null) closers.push(() => queue.close());
    const http = await listen(config, options, pool, observed, queue);
    closers.push(() => http.close());
    closers.push(stopOnSignals(stopping, config.shutdownTimeoutMs, options));
    const { signal } = stopping;
    const paying = options.roles.includes('payouts')
      ? await startPayer(config, payerParts(config, options, pool, observed, queue), signal)
      : null;
    await allOf(stopping, [
      follow(config, options, pool, observed, signal),
      ...(paying === null ? [] : [paying.done]),
    ]);
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

/** Null where nobody here asks for payouts or pays them. */
const openNudges = async (config: Config, log: Logger): Promise<NudgeQueue | null> =>
  config.payoutIdSecret === null ? null : openQueue(config, log);

/** All of them to their end; the first that fails ends the others, and is what is told. */
async function allOf(stopping: AbortController, tasks: readonly Promise<void>[]): Promise<void> {
  const ended = await Promise.allSettled(
    tasks.map((task) =>
      task.catch((error: unknown) => {
        stopping.abort(error);
        throw error;
      }),
    ),
  );
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}

const payerParts = (
  config: Config,
  { log }: RunOptions,
  pool: Pool,
  observed: Observed,
  queue: NudgeQueue | null,
): PayerParts => ({
  pool,
  endpoints: endpointsOf(config),
  nudges: queue ?? NO_NUDGES,
  observe: observed.observePayer,
  log,
});

const NO_NUDGES = { consume: () => Promise.resolve() };

type Observed = {
  readonly observe: (event: SyncEvent<BooksSummary>) => void;
  readonly observePayer: (event: PayerEvent) => void;
  readonly payerVitals: () => PayerVitals;
  readonly vitals: () => Vitals;
  readonly metrics: Metrics;
};

function observer({ log, onSyncEvent, onPayerEvent }: RunOptions): Observed {
  const metrics = createMetrics(new Registry(), Date.now);
  const payer = watchPayer({ log, metrics, now: Date.now });
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
    observePayer: (event) => {
      payer.observe(event);
      onPayerEvent?.(event);
    },
    payerVitals: payer.vitals,
  };
}

async function listen(
  config: Config,
  { log, roles }: RunOptions,
  pool: Pool,
  { metrics, vitals, payerVitals }: Observed,
  queue: NudgeQueue | null,
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
    nudge: (ids) => queue?.nudge(ids),
    queueDepths: queue === null ? null : () => queue.depths(),
    ...(roles.includes('payouts') ? { payerVitals } : {}),
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
  options: RunOptions,
  pool: Pool,
  { observe, metrics }: Observed,
  signal: AbortSignal,
): Promise<void> {
  const { roles, log, onProofEvent } = options;
  if (roles.includes('sync')) {
    const parts = { pool, roles, log, metrics, ...(onProofEvent ? { onProofEvent } : {}) };
    const onTaskFailure = (error: unknown): void => {
      const reason = describeDatabaseError(error);
      log.error({ event: 'leading_task_failed', reason }, 'something that a leader does ended');
    };
    const leading = leadingTasks(config, parts);
    return runSync({ ...syncDeps(config, pool, observe), leading, onTaskFailure }, signal);
  }
  observe({ type: 'standby' });
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
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
