import { Gauge, type Registry } from 'prom-client';
import { DISCREPANCY_TYPES } from '../reconcile/model/finding.js';
import type { Coverage } from '../reconcile/schedule/coverage-queries.js';
import type { ProofReading } from './reconcile-reads.js';

/** Read from PostgreSQL for a scrape; null is what couldn't be read in time. */
export type ProofSample = {
  readonly proof: ProofReading | null;
  readonly coverage: Coverage | null;
};

/** From the database and not from events: what was found stays true when an instance is restarted. */
export function proofMetrics(registry: Registry): (sample: ProofSample) => void {
  const registers = [registry];
  const open = new Gauge({
    name: 'reconciliation_discrepancies',
    help: 'Open differences between records and chain, by type',
    labelNames: ['type'],
    registers,
  });
  const problem = optionalGauge(
    registry,
    'reconciliation_problem',
    '1 where the last full reconciliation, or a comparison between the nights since, found a difference that no single output explains',
  );
  const lastSuccess = optionalGauge(
    registry,
    'reconciliation_last_success_timestamp_seconds',
    'When the last full reconciliation came to its end, whatever it found',
  );
  const ratio = optionalGauge(
    registry,
    'reconciled_ratio',
    'Share of watched addresses that were compared with the chain within 24 hours',
  );
  const oldest = optionalGauge(
    registry,
    'reconciliation_oldest_unreconciled_seconds',
    'Since the address that waits longest was compared, or registered; 0 where none is watched',
  );
  return ({ proof, coverage }) => {
    open.reset();
    for (const type of proof === null ? [] : DISCREPANCY_TYPES) {
      open.set({ type }, proof?.open[type] ?? 0);
    }
    const last = proof?.lastReconciliation ?? null;
    const hasProblem = proof?.hasProblem ?? false;
    problem(last === null && !hasProblem ? null : Number(hasProblem));
    const finishedAt = last?.finishedAt ?? null;
    lastSuccess(finishedAt === null ? null : Date.parse(finishedAt) / 1000);
    ratio(coverage?.reconciledRatio ?? null);
    oldest(coverage === null ? null : (coverage.oldestSeconds ?? 0));
  };
}

/** Without a value it has no series: what nobody could read isn't 0. */
function optionalGauge(registry: Registry, name: string, help: string) {
  const gauge = new Gauge({ name, help, registers: [registry] });
  gauge.remove();
  return (value: number | null): void => {
    if (value === null) gauge.remove();
    else gauge.set(value);
  };
}
