import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';
import {
  type LastVerification,
  lastVerification,
} from '../reconcile/verify/verification-queries.js';
import { shared, withDeadline } from './in-flight.js';

const SAMPLE_KEPT_MS = 5_000;
const REST_RATIO = 20;
const DEADLINE_MS = 3_000;
const LOVELACE_PER_ADA = 1_000_000;

/** What a scrape reads; null where there was none, or it didn't come in time. */
export function verificationSamples(deps: {
  readonly pool: Pool;
  readonly now: () => number;
}): () => Promise<LastVerification | null> {
  const ask = shared(() => lastVerification(deps.pool), SAMPLE_KEPT_MS, REST_RATIO, deps.now);
  return () => withDeadline(ask(), DEADLINE_MS).catch(() => null);
}

/** From the database: what was found lasts until somebody finds otherwise, whoever leads by then. */
export function verificationMetrics(
  registry: Registry,
): (verification: LastVerification | null) => void {
  const registers = [registry];
  const mismatches = new Gauge({
    name: 'balance_mismatches',
    help: 'Whatever of balances, ledger, payouts, seals and digest did not agree at the last verification',
    registers,
  });
  const lastSuccess = new Gauge({
    name: 'balance_verification_last_success_timestamp_seconds',
    help: 'When the last verification came to its end, whatever it found',
    registers,
  });
  const shortUnits = new Gauge({
    name: 'reserves_short_units',
    help: 'Units of which the wallets held less than users were owed at the last verification',
    registers,
  });
  const shortfall = new Gauge({
    name: 'reserves_shortfall_ada',
    help: 'Ada that the wallets held less than users were owed at the last verification',
    registers,
  });
  const show = (verification: LastVerification | null): void => {
    // What was never verified, or can't be read, isn't 0.
    for (const gauge of [mismatches, lastSuccess, shortUnits, shortfall]) gauge.remove();
    if (verification === null) return;
    mismatches.set(verification.mismatches);
    lastSuccess.set(verification.finishedAt.getTime() / 1000);
    if (verification.shortfall === null) return;
    const { units, lovelace } = verification.shortfall;
    shortUnits.set(units);
    if (lovelace !== null) shortfall.set(Number(lovelace) / LOVELACE_PER_ADA);
  };
  show(null);
  return show;
}
