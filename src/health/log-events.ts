import { showPoint, type TipOrOrigin } from '../chain/point.js';
import type { Payment, PaymentsSummary } from '../payments/payment.js';
import type { PayoutsSummary } from '../payouts/tracking/tracking.js';
import type { Cursor, SyncEvent } from '../sync/events.js';
import { type LogLine, line, writeLines } from './log-line.js';
import type { Logger } from './logging.js';
import { trackedLines } from './payout-log-events.js';

/** What a commit did to payments and, where payouts are followed too, to them. */
export type SeenSummary = PaymentsSummary & { readonly payouts?: PayoutsSummary };

/** Writes the contract's log events (section 5). */
export function logSyncEvent(log: Logger, event: SyncEvent<SeenSummary>): void {
  writeLines(log, logLines(event));
}

/** Amounts and epochs as text: JSON readers round numbers beyond 2^53. */
export function logLines(event: SyncEvent<SeenSummary>): readonly LogLine[] {
  switch (event.type) {
    case 'tip':
      return [];
    case 'standby':
      return [line('info', event.type, {}, 'standing by until it is our turn to lead')];
    case 'leader_acquired':
      return [line('info', event.type, { epoch: event.epoch.toString() }, 'this instance leads')];
    case 'term_failed':
      return [line('error', event.type, { reason: event.reason }, 'the term could not begin')];
    case 'sequence_advanced': {
      const { sequence, from, to } = event;
      return [line('warn', event.type, { sequence, from, to }, 'a sequence was behind its table')];
    }
    case 'node_health':
      return [
        event.problem === null
          ? line('info', event.type, {}, 'the node is well again')
          : line('warn', event.type, { reason: event.problem }, 'the node is not to be relied on'),
      ];
    case 'leader_lost': {
      const fields = { epoch: event.epoch.toString(), reason: event.reason };
      return [line(endLevel(event.reason), event.type, fields, 'this instance leads no more')];
    }
    case 'connected':
      return [line('info', event.type, { endpoint: event.endpoint }, 'connected to Ogmios')];
    case 'connect_failed': {
      const { endpoint, reason } = event;
      return [line('warn', event.type, { endpoint, reason }, 'no connection to Ogmios')];
    }
    case 'disconnected': {
      const { endpoint, reason } = event;
      return [
        line(endLevel(reason), event.type, { endpoint, reason }, 'connection to Ogmios lost'),
      ];
    }
    case 'api_key_rotated': {
      const { endpoint, keyIndex: key_index } = event;
      return [line('warn', event.type, { endpoint, key_index }, 'key refused, trying the next')];
    }
    case 'intersection_found': {
      const fields = { point: showPoint(event.point), ...tipFields(event.tip) };
      return [line('info', event.type, fields, 'following the chain from here')];
    }
    case 'intersection_lost':
      return [line('error', event.type, cursorFields(event.cursor), event.instructions)];
    case 'books_contradict': {
      const fields = event.cursor === null ? {} : cursorFields(event.cursor);
      return [line('error', event.type, fields, event.detail)];
    }
    case 'node_behind': {
      const fields = { ...cursorFields(event.cursor), ...tipFields(event.tip) };
      return [line('warn', event.type, fields, 'the node is behind what is recorded; waiting')];
    }
    case 'undecodable_block': {
      const fields = { after: showPoint(event.after), err: event.error };
      return [line('error', event.type, fields, "a block can't be read; asking again")];
    }
    case 'ledger_asked': {
      const fields = { ...cursorFields(event.cursor), found: event.found };
      return [line('info', event.type, fields, 'recorded what there was before it was followed')];
    }
    case 'past_contradicted': {
      const fields = { ...cursorFields(event.cursor), addresses: event.addresses };
      return event.news.map((news) => line('error', event.type, fields, news));
    }
    case 'ledger_query_failed': {
      const fields = { ...cursorFields(event.cursor), reason: event.reason };
      return [line('warn', event.type, fields, "the node's ledger didn't answer; asking again")];
    }
    case 'forward':
      return forwardLines(event);
    case 'backward':
      return backwardLines(event);
  }
}

/** What ends because the process was told to stop is nobody's trouble, and must wake nobody. */
const endLevel = (reason: string): 'info' | 'warn' =>
  /^(?:stopped$|SIG(?:TERM|INT)\b)/.test(reason) ? 'info' : 'warn';

type Forward = Extract<SyncEvent<SeenSummary>, { type: 'forward' }>;
type Backward = Extract<SyncEvent<SeenSummary>, { type: 'backward' }>;

function forwardLines(event: Forward): readonly LogLine[] {
  const fields = {
    ...cursorFields(event.cursor),
    ...tipFields(event.tip),
    blocks: event.blocks,
    duration_ms: Math.round(event.durationMs),
  };
  return [
    line('debug', 'block_processed', fields, 'blocks recorded'),
    ...event.summary.detected.map((payment) =>
      line('info', 'payment_detected', paymentFields(payment), 'payment detected'),
    ),
    ...event.summary.confirmed.map((payment) =>
      line(
        'info',
        'payment_confirmed',
        { ...paymentFields(payment), latency_seconds: confirmationSeconds(payment) },
        'payment confirmed',
      ),
    ),
    ...trackedLines(event.summary.payouts),
    ...toldBeforeLines(event.summary),
  ];
}

function backwardLines(event: Backward): readonly LogLine[] {
  const fields = {
    ...cursorFields(event.cursor),
    ...tipFields(event.tip),
    blocks_rolled_back: event.blocksRolledBack,
    affected_payments: event.summary.rolledBack.length,
    duration_ms: Math.round(event.durationMs),
  };
  return [
    line('warn', 'rollback', fields, 'the chain took blocks back'),
    ...event.summary.rolledBack.map((payment) =>
      line('warn', 'payment_rolled_back', paymentFields(payment), 'payment rolled back'),
    ),
    ...trackedLines(event.summary.payouts),
    ...toldBeforeLines(event.summary),
  ];
}

/** Somebody wrote events into the outbox: those weren't told again, and may say something else. */
const toldBeforeLines = ({ toldBefore = [], payouts }: SeenSummary): readonly LogLine[] =>
  [...toldBefore, ...(payouts?.toldBefore ?? [])].map((event_key) =>
    line(
      'error',
      'event_told_before',
      { event_key },
      'an event was there already, and was left as it is',
    ),
  );

/** From detection to confirmation; null for a payment that has no time of confirmation. */
export const confirmationSeconds = (payment: Payment): number | null =>
  payment.confirmedAt === null
    ? null
    : Math.max(0, (payment.confirmedAt.getTime() - payment.detectedAt.getTime()) / 1000);

const paymentFields = (payment: Payment) => ({
  tx_hash: payment.txHash,
  output_index: payment.outputIndex,
  address: payment.address,
  user_id: payment.userId,
  reference_type: payment.referenceType,
  reference_id: payment.referenceId,
  amount_lovelace: payment.amountLovelace.toString(),
  assets: payment.assets.size,
  status: payment.status,
  inclusion: payment.inclusion,
  block_height: payment.blockHeight,
  required_confirmations: payment.requiredConfirmations,
});

const cursorFields = (cursor: Cursor) => ({
  cursor: showPoint(cursor.point),
  height: cursor.height,
});

const tipFields = (tip: TipOrOrigin) => ({ tip_height: tip === 'origin' ? null : tip.height });
