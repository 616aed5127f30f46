import type { Pool } from 'pg';
import { describeDatabaseError } from '../database/pool.js';
import { backupSamples } from '../health/backup-metrics.js';
import { belowZeroSamples } from '../health/balance-metrics.js';
import { shared, withDeadline } from '../health/in-flight.js';
import type { Metrics } from '../health/metrics.js';
import type { PayerVitals } from '../health/payer-vitals.js';
import { assessReadiness, type Readiness } from '../health/readiness.js';
import { sealSamples } from '../health/seal-metrics.js';
import { guardSample, payoutSamples, proofSample, statusAnswers } from '../health/shared-reads.js';
import { tellStatus } from '../health/status.js';
import { readSyncState, type SyncState } from '../health/sync-state.js';
import { verificationSamples } from '../health/verification-metrics.js';
import type { Vitals } from '../health/vitals.js';
import type { Route } from './routes.js';

export type HealthDeps = {
  readonly version: string;
  readonly network: string;
  readonly partitionId: number;
  readonly readyMaxLagBlocks: number;
  readonly pool: Pool;
  readonly metrics: Metrics;
  readonly vitals: () => Vitals;
  /** Null where no Redis is configured. */
  readonly pingRedis: (() => Promise<void>) | null;
  readonly now: () => number;
  readonly hotWalletAddress: string | null;
  /** What this instance does as a payer; without it, it has no such role. */
  readonly payerVitals?: () => PayerVitals;
  /** Jobs of the queue by state; null or absent where there is none. */
  readonly queueDepths?: (() => Promise<Record<string, number>>) | null;
};

/** Well below the time-outs of the usual probes (Kubernetes: 1 s by default, load balancers: 5 s). */
const PROBE_DEADLINE_MS = 900;
const STATE_KEPT_MS = 250;

type State = SyncState | null | undefined;

/** What answers without a key: probes, `/status` and `/metrics`. None of it shows a secret. */
export function healthRoutes(deps: HealthDeps): readonly Route[] {
  const askState = shared(
    () => readSyncState(deps.pool, deps.partitionId),
    STATE_KEPT_MS,
    0,
    deps.now,
  );
  const askStatus = statusAnswers(deps);
  const samplePayouts = payoutSamples(deps);
  const sampleGuard = guardSample(deps);
  const sampleProof = proofSample(deps);
  const sampleSeals = sealSamples(deps);
  const sampleVerification = verificationSamples(deps);
  const sampleBelowZero = belowZeroSamples(deps);
  const sampleBackups = backupSamples(deps);
  const askRedis =
    deps.pingRedis === null ? null : shared(deps.pingRedis, STATE_KEPT_MS, 0, deps.now);
  const readState = (): Promise<State> =>
    withDeadline(askState(), PROBE_DEADLINE_MS).catch(() => undefined);
  const assess = async (): Promise<Readiness> => {
    const [state, redis] = await Promise.all([readState(), checkRedis(askRedis)]);
    const { readyMaxLagBlocks } = deps;
    return assessReadiness({
      vitals: deps.vitals(),
      state,
      redis: redis.status,
      readyMaxLagBlocks,
    });
  };

  return [
    { method: 'GET', url: '/health/live', answer: () => ({ status: 'ok' }) },
    {
      method: 'GET',
      url: '/health/ready',
      answer: async (_, reply) => {
        const readiness = await assess();
        return reply.code(readiness.status === 'ready' ? 200 : 503).send(readiness);
      },
    },
    {
      method: 'GET',
      url: '/health',
      answer: async (_, reply) => {
        const [database, redis, readiness] = await Promise.all([
          checkDatabase(askState),
          checkRedis(askRedis),
          assess(),
        ]);
        const blockchain = checkBlockchain(deps.vitals());
        const checks = { database, blockchain, redis };
        const healthy = Object.values(checks).every((check) => check.status !== 'failed');
        return reply
          .code(healthy ? 200 : 503)
          .send({ status: healthy ? 'ok' : 'failed', ready: readiness.status === 'ready', checks });
      },
    },
    probe('/health/database', () => checkDatabase(askState)),
    probe('/health/blockchain', () => Promise.resolve(checkBlockchain(deps.vitals()))),
    probe('/health/redis', () => checkRedis(askRedis)),
    {
      method: 'GET',
      url: '/status',
      answer: async () => {
        const [state, answers] = await Promise.all([readState(), askStatus()]);
        const { version, network } = deps;
        const payer = deps.payerVitals?.() ?? null;
        return tellStatus({ version, network, vitals: deps.vitals(), state, payer, ...answers });
      },
    },
    {
      method: 'GET',
      url: '/metrics',
      answer: async (_, reply) => {
        deps.metrics.samplePayouts(await samplePayouts());
        deps.metrics.sampleGuard(await sampleGuard());
        deps.metrics.sampleProof(await sampleProof());
        deps.metrics.sampleSeals(await sampleSeals());
        deps.metrics.sampleVerification(await sampleVerification());
        deps.metrics.sampleBelowZero(await sampleBelowZero());
        deps.metrics.backups.sample(await sampleBackups());
        const { registry } = deps.metrics;
        return reply.type(registry.contentType).send(await registry.metrics());
      },
    },
  ];
}

type Check<S extends string> = { readonly status: S; readonly problem?: string };

const probe = (url: string, check: () => Promise<Check<string>>): Route => ({
  method: 'GET',
  url,
  answer: async (_, reply) => {
    const result = await check();
    return reply.code(result.status === 'failed' ? 503 : 200).send(result);
  },
});

async function checkDatabase(ask: () => Promise<State>): Promise<Check<'ok' | 'failed'>> {
  try {
    await withDeadline(ask(), PROBE_DEADLINE_MS);
    return { status: 'ok' };
  } catch (error) {
    return { status: 'failed', problem: describeDatabaseError(error) };
  }
}

async function checkRedis(
  ask: (() => Promise<void>) | null,
): Promise<Check<'ok' | 'failed' | 'not_configured'>> {
  if (ask === null) return { status: 'not_configured' };
  try {
    await withDeadline(ask(), PROBE_DEADLINE_MS);
    return { status: 'ok' };
  } catch (error) {
    return { status: 'failed', problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Only the leader has a connection; a standby's chain is in order as far as it can know. */
function checkBlockchain(vitals: Vitals): Check<'ok' | 'failed' | 'starting' | 'standby'> {
  const { role, obstacle, connection, nodeProblem } = vitals;
  if (role !== 'leader') return { status: role };
  if (obstacle !== null) {
    return { status: 'failed', problem: `${obstacle.kind}: ${obstacle.detail}` };
  }
  if (nodeProblem !== null) return { status: 'failed', problem: nodeProblem };
  return { status: connection === null ? 'starting' : 'ok' };
}
