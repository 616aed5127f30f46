import type { Logger } from 'pino';
import type { QueueBackend } from './queue-link.js';

type Side = 'producer' | 'consumer';

/** Says once that the queue is lost, however many times it is tried, and once that it is back. */
export type Outage = {
  began(side: Side, reason: string): void;
  ended(side: Side): void;
};

export function createOutage(backend: QueueBackend['name'], log: Logger): Outage {
  // Two connections fail, and come back, each at its own time: a flag couldn't tell.
  const lost = new Set<Side>();
  return {
    began: (side, reason) => {
      if (lost.size === 0) {
        log.warn(
          { event: 'queue_lost', backend, reason },
          'the queue is out of reach: payouts go on, at the pace of the sweeper',
        );
      }
      lost.add(side);
    },
    ended: (side) => {
      if (!lost.delete(side) || lost.size > 0) return;
      log.info({ event: 'queue_back', backend }, 'the queue is back');
    },
  };
}
