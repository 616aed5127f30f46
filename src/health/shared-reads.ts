import type { Pool } from 'pg';
import { type GuardRow, readGuard } from '../guard/guard-queries.js';
import { type Counts, countAll } from '../payments/reads.js';
import { countAttemptsWithoutCommonInput, readStanding } from '../payouts/wallet/standing.js';
import { walletBalance } from '../payouts/wallet/wallet-holdings.js';
import { readCoverage } from '../reconcile/schedule/coverage-queries.js';
import { type Leader, readLeader } from '../sync/leader-session.js';
import { shared, withDeadline } from './in-flight.js';
import type { PayoutSample } from './payout-metrics.js';
import { type PayoutReading, readPayouts } from './payout-status.js';
import type { ProofSample } from './reconcile-metrics.js';
import { readProof } from './reconcile-reads.js';

export type ReadDeps = {
  readonly pool: Pool;
  readonly partitionId: number;
  /** Null where this instance knows of none. */
  readonly hotWalletAddress: string | null;
  /** Jobs of the queue by state; null or absent where there is none. */
  readonly queueDepths?: (() => Promise<Record<string, number>>) | null;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

const DEADLINE_MS = 3_000;
const COUNTS_KEPT_MS = 5_000;
const SAMPLE_KEPT_MS = 250;
/** Counting large tables may take a twentieth of the database's time, not more. */
const REST_RATIO = 20;
/** The whole history of attempts is joined: seldom, and a hundredth of the time at most. */
const COMMON_INPUT_KEPT_MS = 600_000;
const COMMON_INPUT_REST_RATIO = 100;

/** All watched addresses are read: a hundredth of the time at most. */
const COVERAGE_KEPT_MS = 15_000;
const COVERAGE_REST_RATIO = 100;

type StatusAnswers = {
  readonly leader: Leader | null;
  readonly counts: Counts | null;
  readonly payouts: PayoutReading | null;
  readonly queueDepths: Record<string, number> | null;
  readonly guard: GuardRow | null;
} & ProofSample;

/** What `/status` needs that is too dear for every request; null is what didn't come in time. */
export function statusAnswers(deps: ReadDeps): () => Promise<StatusAnswers> {
  const { pool, hotWalletAddress, partitionId, queueDepths, now } = deps;
  const dear = <T>(ask: () => Promise<T>) => shared(ask, COUNTS_KEPT_MS, REST_RATIO, now);
  const askCounts = dear(() => countAll(pool));
  const askPayouts = dear(() => readPayouts(pool, hotWalletAddress, partitionId));
  const sampleGuard = guardSample(deps);
  const sampleProof = proofSample(deps);
  const askLeader = shared(() => readLeader(pool, partitionId), SAMPLE_KEPT_MS, REST_RATIO, now);
  const askDepths = queueDepths == null ? null : dear(queueDepths);
  return async () => {
    const [leader, counts, payouts, depths, guard, proof] = await Promise.all([
      inTime(askLeader),
      inTime(askCounts),
      inTime(askPayouts),
      askDepths === null ? null : inTime(askDepths),
      sampleGuard(),
      sampleProof(),
    ]);
    return { leader, counts, payouts, queueDepths: depths, guard, ...proof };
  };
}

/** What a scrape reads of payouts; null is what didn't come in time. */
export function payoutSamples(deps: ReadDeps): () => Promise<PayoutSample> {
  const { pool, hotWalletAddress, partitionId, now } = deps;
  const askStanding = shared(() => readStanding(pool), SAMPLE_KEPT_MS, REST_RATIO, now);
  const askBalance = shared(
    () =>
      hotWalletAddress === null
        ? Promise.resolve(null)
        : walletBalance(pool, hotWalletAddress, partitionId),
    SAMPLE_KEPT_MS,
    REST_RATIO,
    now,
  );
  const askAttempts = shared(
    () => countAttemptsWithoutCommonInput(pool),
    COMMON_INPUT_KEPT_MS,
    COMMON_INPUT_REST_RATIO,
    now,
  );
  return async () => {
    const [standing, walletLovelace, attemptsWithoutCommonInput] = await Promise.all([
      inTime(askStanding),
      inTime(askBalance),
      inTime(askAttempts),
    ]);
    return { standing, walletLovelace, attemptsWithoutCommonInput };
  };
}

/** Whether the chain is relied on; null where that couldn't be read in time. */
export function guardSample({
  pool,
  partitionId,
  now,
}: Pick<ReadDeps, 'pool' | 'partitionId' | 'now'>): () => Promise<GuardRow | null> {
  const ask = shared(() => readGuard(pool, partitionId), SAMPLE_KEPT_MS, REST_RATIO, now);
  return () => inTime(ask);
}

/** What is open, and how much was compared lately; null is what couldn't be read in time. */
export function proofSample({
  pool,
  partitionId,
  now,
}: Pick<ReadDeps, 'pool' | 'partitionId' | 'now'>): () => Promise<ProofSample> {
  const askProof = shared(() => readProof(pool), SAMPLE_KEPT_MS, REST_RATIO, now);
  const askCoverage = shared(
    () => readCoverage(pool, partitionId, new Date(now())),
    COVERAGE_KEPT_MS,
    COVERAGE_REST_RATIO,
    now,
  );
  return async () => {
    const [proof, coverage] = await Promise.all([inTime(askProof), inTime(askCoverage)]);
    return { proof, coverage };
  };
}

const inTime = <T>(ask: () => Promise<T>): Promise<T | null> =>
  withDeadline(ask(), DEADLINE_MS).catch(() => null);
