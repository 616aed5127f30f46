import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { PayerEvent } from '../payouts/paying/payer-deps.js';
import type { PayoutsSummary } from '../payouts/tracking/tracking.js';
import { OPEN_STATUSES, type Standing } from '../payouts/wallet/standing.js';
import { payoutSeconds } from './payout-log-events.js';

/** Read from PostgreSQL for a scrape; null is what couldn't be read, or isn't there. */
export type PayoutSample = {
  readonly standing: Standing | null;
  readonly walletLovelace: bigint | null;
  /** Pairs of attempts of one payout that could both be in a chain. */
  readonly attemptsWithoutCommonInput: number | null;
};

/** Statuses that payouts are counted in as they reach them. `rolled_back`: taken back by a rollback. */
const COUNTED = ['submitted', 'in_block', 'confirmed', 'failed', 'rolled_back'] as const;
const OUTCOMES = ['accepted', 'look_at_chain', 'passing', 'refused', 'unknown'] as const;
const LOVELACE_PER_ADA = 1_000_000;

export function payoutMetrics(registry: Registry) {
  const told = eventMetrics(registry);
  return { ...told, sample: sampledMetrics(registry) };
}

function eventMetrics(registry: Registry) {
  const registers = [registry];
  const payouts = new Counter({
    name: 'payouts_total',
    help: 'Payouts by status reached; one that is paid by another attempt or rolled back counts again',
    labelNames: ['status'],
    registers,
  });
  // A series that begins with 1 shows no increase: the first failure would go unseen.
  for (const status of COUNTED) payouts.inc({ status }, 0);
  const adopted = new Counter({
    name: 'payout_adopted_total',
    help: 'Transactions found in blocks that were ours and that the database had forgotten',
    registers,
  });
  const unknownSpends = new Counter({
    name: 'payout_unknown_spends_total',
    help: 'Transactions that spent from the hot wallet and were not ours',
    registers,
  });
  const submit = new Histogram({
    name: 'payout_submit_seconds',
    help: 'Until the nodes answered a submission, by what they said',
    labelNames: ['outcome'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
    registers,
  });
  for (const outcome of OUTCOMES) submit.zero({ outcome });
  const latency = new Histogram({
    name: 'payout_confirmation_seconds',
    help: 'From acceptance to confirmation, approval included',
    buckets: [60, 120, 300, 450, 600, 900, 1200, 1800, 3600, 7200, 14_400, 86_400],
    registers,
  });
  return {
    observePayer: (event: PayerEvent): void => {
      if (event.type === 'payouts_submitted') {
        payouts.inc({ status: 'submitted' }, event.payouts.length);
      } else if (event.type === 'payout_failed') {
        payouts.inc({ status: 'failed' });
      } else if (event.type === 'submission_answered') {
        submit.observe({ outcome: event.outcome.type }, event.durationMs / 1000);
      }
    },
    observeTracked: (summary: PayoutsSummary | undefined): void => {
      if (summary === undefined) return;
      payouts.inc({ status: 'in_block' }, summary.inBlock.length);
      payouts.inc({ status: 'confirmed' }, summary.confirmed.length);
      payouts.inc({ status: 'rolled_back' }, summary.rolledBack.length);
      for (const { type } of summary.adoptions)
        (type === 'adopted' ? adopted : unknownSpends).inc();
      for (const payout of summary.confirmed) {
        const seconds = payoutSeconds(payout);
        if (seconds !== null) latency.observe(seconds);
      }
    },
  };
}

function sampledMetrics(registry: Registry): (sample: PayoutSample) => void {
  const gauge = createGauges(registry);
  const balance = gauge(
    'hot_wallet_balance_ada',
    'Unspent at the hot wallet at the cursor, reserved and quarantined outputs included',
  );
  const held = gauge('payouts_held', '1 while payouts are held until nothing forgotten can land');
  const unlinked = gauge(
    'payout_attempts_without_common_input',
    'Pairs of attempts of one payout that could both be in a chain; always 0',
  );
  const registers = [registry];
  const paused = new Gauge({
    name: 'payouts_paused',
    help: '1 while payouts are paused, by whom: a person, the chain (what was found in a block), the payer',
    labelNames: ['by'] as const,
    registers,
  });
  const labelNames = ['state'] as const;
  const depth = new Gauge({
    name: 'payout_queue_depth',
    help: 'Payouts that are not settled, by status',
    labelNames,
    registers,
  });
  const oldest = new Gauge({
    name: 'payout_oldest_seconds',
    help: 'Since the oldest payout of a status was accepted or approved; 0 where there is none',
    labelNames,
    registers,
  });
  return ({ standing, walletLovelace, attemptsWithoutCommonInput }) => {
    // A statistic: here, and only here, may an amount be rounded.
    balance(walletLovelace === null ? null : Number(walletLovelace) / LOVELACE_PER_ADA);
    unlinked(attemptsWithoutCommonInput);
    held(standing === null ? null : Number(standing.held !== null));
    paused.reset();
    const pausedBy = pauserOf(standing);
    for (const by of standing === null ? [] : PAUSERS) paused.set({ by }, Number(by === pausedBy));
    depth.reset();
    oldest.reset();
    for (const state of standing === null ? [] : OPEN_STATUSES) {
      depth.set({ state }, standing?.open[state].count ?? 0);
      oldest.set({ state }, standing?.open[state].oldestSeconds ?? 0);
    }
  };
}

const PAUSERS = ['person', 'chain', 'payer'] as const;

/** Names of people are no label: there may be many. */
function pauserOf(standing: Standing | null): (typeof PAUSERS)[number] | null {
  const by = standing?.paused?.by;
  if (by === undefined) return null;
  return by === 'chain' || by === 'payer' ? by : 'person';
}

/** A gauge without a value has no series: what nobody could read isn't 0. */
const createGauges =
  (registry: Registry) =>
  (name: string, help: string): ((value: number | null) => void) => {
    const gauge = new Gauge({ name, help, registers: [registry] });
    gauge.remove();
    return (value) => (value === null ? gauge.remove() : gauge.set(value));
  };
