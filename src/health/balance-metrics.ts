import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';
import { countBelowZero } from '../payments/balance-reads.js';
import { shared, withDeadline } from './in-flight.js';

/** All balances are read for it: a million take 0.15 s. */
const SAMPLE_KEPT_MS = 60_000;
const REST_RATIO = 100;
const DEADLINE_MS = 3_000;

/** What a scrape reads; null where it didn't come in time. */
export function belowZeroSamples(deps: {
  readonly pool: Pool;
  readonly now: () => number;
}): () => Promise<number | null> {
  const ask = shared(() => countBelowZero(deps.pool), SAMPLE_KEPT_MS, REST_RATIO, deps.now);
  return () => withDeadline(ask(), DEADLINE_MS).catch(() => null);
}

export function balanceMetrics(registry: Registry): (belowZero: number | null) => void {
  const gauge = new Gauge({
    name: 'balances_below_zero',
    help: 'Balances of users of which less than nothing is available',
    registers: [registry],
  });
  const show = (belowZero: number | null): void => {
    // What can't be read isn't 0.
    if (belowZero === null) gauge.remove();
    else gauge.set(belowZero);
  };
  show(null);
  return show;
}
