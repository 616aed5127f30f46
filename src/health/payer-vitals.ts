import type { PayerEvent, Waiting } from '../payouts/paying/payer-deps.js';
import type { Logger } from './logging.js';
import type { Metrics } from './metrics.js';
import { logPayerEvent } from './payout-log-events.js';

/** What this instance does as a payer, made from its events alone. Times are milliseconds since 1970. */
export type PayerVitals = {
  /** Of this instance's own term; null where it doesn't pay. */
  readonly epoch: bigint | null;
  /** What is in the way of payouts; null where nothing is, or this instance doesn't pay. */
  readonly waiting: {
    readonly why: Waiting;
    readonly detail: string;
    readonly since: number;
  } | null;
};

export const NO_PAYER: PayerVitals = { epoch: null, waiting: null };

export function observePayer(vitals: PayerVitals, event: PayerEvent, now: number): PayerVitals {
  switch (event.type) {
    case 'payer_acquired':
      return { epoch: event.epoch, waiting: null };
    case 'payer_lost':
      return NO_PAYER;
    case 'waiting': {
      if (event.why === null) return { ...vitals, waiting: null };
      const since = vitals.waiting?.why === event.why ? vitals.waiting.since : now;
      return { ...vitals, waiting: { why: event.why, detail: event.detail, since } };
    }
    case 'payouts_submitted':
    case 'submission_answered':
    case 'payout_failed':
    case 'batch_released':
    case 'held':
    case 'hold_ended':
    case 'fence_submitted':
      return vitals;
  }
}

export type PayerWatch = {
  /** For `PayerDeps.observe`. */
  readonly observe: (event: PayerEvent) => void;
  /** For `/status`. */
  readonly vitals: () => PayerVitals;
};

/** Logs, counts and remembers what paying tells. */
export function watchPayer(deps: {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
}): PayerWatch {
  let vitals = NO_PAYER;
  return {
    vitals: () => vitals,
    observe: (event) => {
      const before = vitals;
      vitals = observePayer(vitals, event, deps.now());
      deps.metrics.observePayer(event);
      if (isNews(before, vitals, event)) logPayerEvent(deps.log, event);
    },
  };
}

/** What is in the way is told in every round, with figures in its words that change with every block. */
const isNews = (before: PayerVitals, after: PayerVitals, event: PayerEvent): boolean =>
  event.type !== 'waiting' || before.waiting?.why !== after.waiting?.why;
