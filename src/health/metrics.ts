import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client';
import type { GuardRow } from '../guard/guard-queries.js';
import type { Payment, PaymentsSummary } from '../payments/payment.js';
import type { PayerEvent } from '../payouts/paying/payer-deps.js';
import type { LastVerification } from '../reconcile/verify/verification-queries.js';
import type { SyncEvent } from '../sync/events.js';
import { type BackupMetrics, backupMetrics } from './backup-metrics.js';
import { balanceMetrics } from './balance-metrics.js';
import { boundedLabels } from './bounded-labels.js';
import { guardMetrics } from './guard-metrics.js';
import { confirmationSeconds, type SeenSummary } from './log-events.js';
import { type PayoutSample, payoutMetrics } from './payout-metrics.js';
import { type ProofSample, proofMetrics } from './reconcile-metrics.js';
import { type SealReading, sealMetrics } from './seal-metrics.js';
import { verificationMetrics } from './verification-metrics.js';
import { lagOf, type Vitals } from './vitals.js';

export type Metrics = {
  readonly registry: Registry;
  /** Once for each event, with the vitals that it led to. */
  observe(event: SyncEvent<SeenSummary>, vitals: Vitals): void;
  observePayer(event: PayerEvent): void;
  /** What was read of payouts for this very scrape; what couldn't be read has no series. */
  samplePayouts(sample: PayoutSample): void;
  /** What was read of the chain's guard for this very scrape. */
  readonly sampleGuard: (guard: GuardRow | null) => void;
  /** What was read of proving the books for this very scrape. */
  readonly sampleProof: (sample: ProofSample) => void;
  readonly sampleSeals: (seals: readonly SealReading[] | null) => void;
  readonly backups: BackupMetrics;
  readonly sampleVerification: (verification: LastVerification | null) => void;
  readonly sampleBelowZero: (belowZero: number | null) => void;
};

/** The contract's metrics (section 5) whose subject exists, and Node's own. */
export function createMetrics(registry: Registry, now: () => number): Metrics {
  collectDefaultMetrics({ register: registry });
  const chain = chainMetrics(registry, now);
  const payments = paymentMetrics(registry);
  const payouts = payoutMetrics(registry);
  return {
    registry,
    observe: (event, vitals) => {
      chain(event, vitals);
      if (event.type === 'forward') payments(event.summary);
      if (event.type === 'forward' || event.type === 'backward') {
        payouts.observeTracked(event.summary.payouts);
      }
    },
    observePayer: payouts.observePayer,
    samplePayouts: payouts.sample,
    sampleGuard: guardMetrics(registry),
    sampleProof: proofMetrics(registry),
    sampleSeals: sealMetrics(registry),
    backups: backupMetrics(registry),
    sampleVerification: verificationMetrics(registry),
    sampleBelowZero: balanceMetrics(registry),
  };
}

type ObserveEvent = (event: SyncEvent<SeenSummary>, vitals: Vitals) => void;

function chainMetrics(registry: Registry, now: () => number): ObserveEvent {
  const registers = [registry];
  let vitals: Vitals | undefined;
  let connectedBefore = false;
  const isLeader = new Gauge({
    name: 'payment_monitor_is_leader',
    help: '1 on the instance that leads, 0 on one that stands by',
    registers,
  });
  leaderGauge(registry, 'sync_height', 'Height of the last recorded block', () =>
    vitals?.cursor?.point === 'origin' ? 0 : (vitals?.cursor?.height ?? null),
  );
  leaderGauge(registry, 'sync_lag', 'Blocks behind the tip', () => {
    const lag = vitals === undefined ? null : lagOf(vitals);
    return lag === null ? null : Math.max(0, lag);
  });
  leaderGauge(
    registry,
    'seconds_since_last_block',
    'Since the last recorded block, or since leadership was taken',
    () =>
      vitals?.role === 'leader' ? (now() - (vitals.lastBlockAt ?? vitals.since)) / 1000 : null,
  );
  leaderGauge(
    registry,
    'contradicted_pasts',
    'Addresses whose past can’t be recorded until what another hand changed there is set right',
    () => (vitals?.role === 'leader' ? vitals.pastsContradicted : null),
  );
  const reconnects = new Counter({
    name: 'payment_monitor_reconnects_total',
    help: 'Connections to Ogmios after the first',
    registers,
  });
  const rollbacks = new Counter({
    name: 'payment_monitor_rollbacks_total',
    help: 'Times the chain took recorded blocks back',
    registers,
  });
  const rollbackDepth = new Histogram({
    name: 'payment_monitor_rollback_depth_blocks',
    help: 'Blocks a rollback took back',
    buckets: [1, 2, 3, 5, 10, 20, 50, 100, 500, 1000, 2160],
    registers,
  });
  const processing = new Histogram({
    name: 'block_processing_seconds',
    help: 'Time to record a block; within a batch each has its share',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  return (event, next) => {
    vitals = next;
    isLeader.set(next.role === 'leader' ? 1 : 0);
    if (event.type === 'connected') {
      if (connectedBefore) reconnects.inc();
      connectedBefore = true;
    } else if (event.type === 'backward' && event.blocksRolledBack > 0) {
      rollbacks.inc();
      rollbackDepth.observe(event.blocksRolledBack);
    } else if (event.type === 'forward') {
      const seconds = event.durationMs / 1000 / Math.max(1, event.blocks);
      for (let block = 0; block < event.blocks; block += 1) processing.observe(seconds);
    }
  };
}

/** Only the leader knows: a standby's series would be stale, so it has none. */
function leaderGauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => number | null,
): void {
  new Gauge({
    name: `payment_monitor_${name}`,
    help: `${help}; only the leader has it`,
    registers: [registry],
    collect() {
      const value = read();
      if (value === null) this.remove();
      else this.set(value);
    },
  });
}

/** Reference types are the user's own words; each one is a series for ever, so their number is bounded. */
const REFERENCE_TYPES_MAX = 50;
const LOVELACE_PER_ADA = 1_000_000;

function paymentMetrics(registry: Registry): (summary: PaymentsSummary) => void {
  const registers = [registry];
  const labelOf = boundedLabels(REFERENCE_TYPES_MAX);
  const detected = new Counter({
    name: 'payments_detected_total',
    help: 'Payments found in a block for the first time, ignored ones not counted',
    labelNames: ['reference_type'],
    registers,
  });
  const confirmed = new Counter({
    name: 'payments_confirmed_total',
    help: 'Confirmations of payments; one that was rolled back may confirm again',
    labelNames: ['reference_type'],
    registers,
  });
  const value = new Histogram({
    name: 'payment_value_ada',
    help: 'Ada of detected payments',
    buckets: [1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 50_000, 100_000],
    registers,
  });
  const latency = new Histogram({
    name: 'payment_confirmation_seconds',
    help: 'From detection to confirmation',
    buckets: [30, 60, 120, 180, 300, 450, 600, 900, 1200, 1800, 3600, 7200],
    registers,
  });
  const isNew = (payment: Payment): boolean =>
    payment.inclusion === 1 && payment.status !== 'ignored';
  return (summary) => {
    for (const payment of summary.detected.filter(isNew)) {
      detected.inc({ reference_type: labelOf(payment.referenceType) });
      // A statistic: here, and only here, may an amount be rounded.
      value.observe(Number(payment.amountLovelace) / LOVELACE_PER_ADA);
    }
    for (const payment of summary.confirmed) {
      confirmed.inc({ reference_type: labelOf(payment.referenceType) });
      const seconds = confirmationSeconds(payment);
      if (seconds !== null) latency.observe(seconds);
    }
  };
}
