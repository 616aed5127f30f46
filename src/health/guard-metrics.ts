import { Gauge, type Registry } from 'prom-client';
import type { GuardRow } from '../guard/guard-queries.js';
import { REASON_KINDS } from '../guard/reasons.js';

/** A leader hears each every few seconds, and writes so every minute: older, and nobody listens to it. */
const HEARD_MS_MAX = 5 * 60_000;

/** Read from PostgreSQL for a scrape: what holds holds whoever leads. Null is what couldn't be read. */
export function guardMetrics(
  registry: Registry,
  now: () => number = Date.now,
): (guard: GuardRow | null) => void {
  const registers = [registry];
  const held = new Gauge({
    name: 'payment_monitor_chain_held',
    help: 'Reasons for which nothing is confirmed or paid, because the chain may be another one soon',
    labelNames: ['reason'],
    registers,
  });
  const agrees = new Gauge({
    name: 'payment_monitor_witness_agrees',
    help: '1 where a witness follows our chain; 0 where it is on another one, far behind, silent or not asked',
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
    for (const { witness, agrees: didAgree, heardAt } of guard.witnesses) {
      const isFresh = now() - Date.parse(heardAt) <= HEARD_MS_MAX;
      agrees.set({ witness }, Number(didAgree && isFresh));
    }
  };
}
