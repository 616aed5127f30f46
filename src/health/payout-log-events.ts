import type { Payout } from '../payouts/model/payout.js';
import type { PayerEvent } from '../payouts/paying/payer-deps.js';
import type { PayoutsSummary } from '../payouts/tracking/tracking.js';
import { type LogLine, line, writeLines } from './log-line.js';
import type { Logger } from './logging.js';

/** Writes what paying tells. It says in every round what is in its way: hand in only what changed. */
export function logPayerEvent(log: Logger, event: PayerEvent): void {
  writeLines(log, payerLines(event));
}

/** Amounts and epochs as text: JSON readers round numbers beyond 2^53. */
export function payerLines(event: PayerEvent): readonly LogLine[] {
  switch (event.type) {
    case 'payer_acquired':
      return [line('info', event.type, { epoch: event.epoch.toString() }, 'this instance pays')];
    case 'payer_lost':
      return [
        line(endLevel(event.reason), event.type, { reason: event.reason }, 'it pays no more'),
      ];
    case 'payouts_submitted':
      return submittedLines(event);
    case 'submission_answered':
      return [submissionLine(event)];
    case 'payout_failed': {
      const fields = { ...payoutFields(event.payout), reason: event.payout.failureReason };
      return [line('error', event.type, fields, 'payout failed; what it held is free again')];
    }
    case 'batch_released': {
      const fields = { batch_id: event.batchId, payouts: event.payouts };
      const message = 'nothing signed for these payouts can land any more; they are paid anew';
      return [line('warn', 'payout_batch_released', fields, message)];
    }
    case 'held':
      return [line('warn', 'payouts_held', { reason: event.reason }, 'nothing is paid for now')];
    case 'hold_ended':
      return [line('info', 'payouts_hold_ended', { how: event.how }, 'payouts go on')];
    case 'fence_submitted': {
      const fields = { tx_hashes: event.transactions };
      return [line('warn', 'payout_fence_submitted', fields, 'the hot wallet is spent to itself')];
    }
    case 'waiting': {
      const fields = { why: event.why, detail: event.detail };
      return event.why === null
        ? [line('info', 'payouts_waiting', fields, 'nothing is in the way of payouts any more')]
        : [line('warn', 'payouts_waiting', fields, 'payouts wait')];
    }
  }
}

/** What ends because the process was told to stop is nobody's trouble. */
const endLevel = (reason: string): 'info' | 'warn' =>
  /^(?:stopped$|SIG(?:TERM|INT)\b)/.test(reason) ? 'info' : 'warn';

function submittedLines(
  event: Extract<PayerEvent, { type: 'payouts_submitted' }>,
): readonly LogLine[] {
  const fee_lovelace = event.fee.toString();
  if (event.payouts.length === 0) {
    const fields = { tx_hash: event.txHash, fee_lovelace };
    return [line('info', 'hot_wallet_tidied', fields, 'the wallet paid itself')];
  }
  return event.payouts.map((payout) =>
    line(
      'info',
      'payout_submitted',
      { ...payoutFields(payout), tx_hash: event.txHash, payouts_together: event.payouts.length },
      'signed and on its way',
    ),
  );
}

function submissionLine({
  txHash,
  outcome,
  durationMs,
}: Extract<PayerEvent, { type: 'submission_answered' }>): LogLine {
  const fields = {
    tx_hash: txHash,
    outcome: outcome.type,
    reason: 'reason' in outcome ? outcome.reason : null,
    duration_ms: Math.round(durationMs),
  };
  return line(
    outcome.type === 'refused' ? 'warn' : 'debug',
    'payout_submission',
    fields,
    'what the nodes said to a transaction',
  );
}

/** What following the chain found of payouts. */
export function trackedLines(summary: PayoutsSummary | undefined): readonly LogLine[] {
  if (summary === undefined) return [];
  return [
    ...summary.adoptions.map(adoptionLine),
    ...summary.inBlock.map((payout) =>
      line('info', 'payout_in_block', payoutFields(payout), 'payout is in a block'),
    ),
    ...summary.confirmed.map((payout) =>
      line(
        'info',
        'payout_confirmed',
        { ...payoutFields(payout), latency_seconds: payoutSeconds(payout) },
        'payout confirmed',
      ),
    ),
    ...summary.rolledBack.map((payout) =>
      line(
        'warn',
        'payout_rolled_back',
        payoutFields(payout),
        'its block is gone; submitted again',
      ),
    ),
  ];
}

function adoptionLine(adoption: PayoutsSummary['adoptions'][number]): LogLine {
  if (adoption.type === 'unknown_spend') {
    const message = 'somebody else spends from the hot wallet: payouts are paused';
    return line('error', 'hot_wallet_unknown_spend', { tx_hash: adoption.txHash }, message);
  }
  const fields = { tx_hash: adoption.txHash, unknown_payouts: adoption.unknownPayouts };
  const message = 'the chain tells of a payout transaction that the database had forgotten';
  return line('error', 'payouts_adopted', fields, message);
}

/** From acceptance to confirmation; null for one that has no time of confirmation. */
export const payoutSeconds = (payout: Payout): number | null =>
  payout.confirmedAt === null
    ? null
    : Math.max(0, (payout.confirmedAt.getTime() - payout.createdAt.getTime()) / 1000);

const payoutFields = (payout: Payout) => ({
  payout_id: payout.id,
  tx_hash: payout.txHash,
  user_id: payout.userId,
  reference_id: payout.referenceId,
  destination: payout.destinationAddress,
  amount_lovelace: payout.amountLovelace.toString(),
  assets: payout.assets.size,
  fee_lovelace: payout.feeLovelace?.toString() ?? null,
  status: payout.status,
  turn: payout.turn,
  block_height: payout.blockHeight,
});
