import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';
import { SEAL_CHAINS, type SealChain, type SealHead } from '../reconcile/seals/seal.js';
import { countUnsealed, headOfHour, sealHead } from '../reconcile/seals/seal-queries.js';
import { shared, withDeadline } from './in-flight.js';

export type SealReading = {
  readonly chain: SealChain;
  readonly head: SealHead;
  readonly unsealed: number;
  /** The last seal before the full hour. */
  readonly noted: SealHead;
};

const SAMPLE_KEPT_MS = 5_000;
const REST_RATIO = 20;
const DEADLINE_MS = 3_000;

/** What a scrape reads of both chains; null is what didn't come in time. */
export function sealSamples(deps: {
  readonly pool: Pool;
  readonly now: () => number;
}): () => Promise<readonly SealReading[] | null> {
  const { pool } = deps;
  const read = async (chain: SealChain): Promise<SealReading> => {
    const head = await sealHead(pool, chain);
    const unsealed = await countUnsealed(pool, chain, head);
    return { chain, head, unsealed, noted: await headOfHour(pool, chain) };
  };
  const ask = shared(
    () => Promise.all(SEAL_CHAINS.map(read)),
    SAMPLE_KEPT_MS,
    REST_RATIO,
    deps.now,
  );
  return () => withDeadline(ask(), DEADLINE_MS).catch(() => null);
}

/**
 * Kept by whoever scrapes, where nobody who writes to the database can change it: it tells later whether a
 * chain of seals was cut off or made anew.
 */
export function sealMetrics(registry: Registry): (seals: readonly SealReading[] | null) => void {
  const registers = [registry];
  const labelNames = ['chain'];
  const sealed = new Gauge({
    name: 'ledger_sealed_rows',
    help: 'Rows under seal, of the ledger and of the audit log: it never falls',
    labelNames,
    registers,
  });
  const unsealed = new Gauge({
    name: 'ledger_unsealed_rows',
    help: 'Rows that no seal covers yet, counted up to 100000',
    labelNames,
    registers,
  });
  const head = new Gauge({
    name: 'ledger_seal_info',
    // With each new seal there would be a new series: some thousand a day.
    help: 'Always 1; its labels name the last seal before the full hour, for `balance verify --against`',
    labelNames: ['chain', 'seal', 'hash'],
    registers,
  });
  return (seals) => {
    for (const gauge of [sealed, unsealed, head]) gauge.reset();
    for (const { chain, head: last, unsealed: rows, noted } of seals ?? []) {
      sealed.set({ chain }, last.rows);
      unsealed.set({ chain }, rows);
      if (noted.seal > 0) head.set({ chain, seal: String(noted.seal), hash: noted.hash }, 1);
    }
  };
}
