import { Gauge, type Registry } from 'prom-client';
import type { GuardRow } from '../guard/guard-queries.js';
import { REASON_KINDS } from '../guard/reasons.js';

/** Read from PostgreSQL for a scrape: what holds holds whoever leads. Null is what couldn't be read. */
export function guardMetrics(registry: Registry): (guard: GuardRow | null) => void {
  const registers = [registry];
  const held = new Gauge({
    name: 'payment_monitor_chain_held',
    help: 'Reasons for which nothing is confirmed or paid, because the chain may be another one soon',
    labelNames: ['reason'],
    registers,
  });
  const agrees = new Gauge({
    name: 'payment_monitor_witness_agrees',
    help: '1 where a witness follows our chain; 0 where it is silent, far behind or on another one',
    labelNames: ['witness'],
    registers,
  });
  return (guard) => {
    held.reset();
    agrees.reset();
    if (guard === null) return;
    const holding = guard.reasons.filter((one) => one.released === null);
    for (const reason of REASON_KINDS) {
      held.set({ reason }, holding.filter((one) => one.kind === reason).length);
    }
    for (const one of guard.witnesses) agrees.set({ witness: one.witness }, Number(one.agrees));
  };
}
