import { Registry } from 'prom-client';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Payout } from '../payouts/model/payout.js';
import type { PayerEvent } from '../payouts/paying/payer-deps.js';
import type { PayoutsSummary } from '../payouts/tracking/tracking.js';
import { createLogger } from './logging.js';
import { createMetrics, type Metrics } from './metrics.js';
import { watchPayer } from './payer-vitals.js';
import { payerLines, trackedLines } from './payout-log-events.js';

const payout = (fields: Partial<Payout> = {}): Payout => ({
  id: '1'.repeat(32),
  status: 'submitted',
  destinationAddress: 'addr_test1',
  amountLovelace: 18_446_744_073_709_551_615n,
  assets: new Map(),
  userId: 'ann',
  referenceId: null,
  metadata: null,
  turn: 0,
  heldFee: 0n,
  booked: true,
  adopted: false,
  txHash: 'a'.repeat(64),
  feeLovelace: 170_000n,
  blockHeight: null,
  failureReason: null,
  createdBy: 'key:shop',
  approvedBy: null,
  createdAt: new Date(10_000),
  confirmedAt: null,
  ...fields,
});
const confirmed = payout({ status: 'confirmed', confirmedAt: new Date(130_500) });
const summary = (fields: Partial<PayoutsSummary>): PayoutsSummary => ({
  inBlock: [],
  confirmed: [],
  rolledBack: [],
  adoptions: [],
  ...fields,
});
const submitted: PayerEvent = {
  type: 'payouts_submitted',
  txHash: 'b'.repeat(64),
  payouts: [payout(), payout()],
  fee: 340_000n,
};
const answered = (type: 'accepted' | 'refused'): PayerEvent => ({
  type: 'submission_answered',
  txHash: 'b'.repeat(64),
  outcome: type === 'accepted' ? { type } : { type, reason: 'fee too small' },
  durationMs: 40,
});
const failed: PayerEvent = {
  type: 'payout_failed',
  payout: payout({ status: 'failed', failureReason: 'below the minimum' }),
};
const waiting = (why: 'paused' | 'node_lags' | null, detail = ''): PayerEvent => ({
  type: 'waiting',
  why,
  detail,
});

let clock = 0;
let lines: Record<string, unknown>[] = [];
let metrics: Metrics;
let watch: ReturnType<typeof watchPayer>;
const exported = async (): Promise<string[]> =>
  (await metrics.registry.metrics()).split('\n').filter((line) => !line.startsWith('#'));
const events = () => lines.map(({ level, event }) => [level, event]);

beforeEach(() => {
  clock = 1_000;
  lines = [];
  metrics = createMetrics(new Registry(), () => clock);
  const write = (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>);
  watch = watchPayer({ log: createLogger('debug', { write }), metrics, now: () => clock });
});

describe('what paying tells', () => {
  test('is logged payout by payout, amounts exactly', () => {
    for (const event of [submitted, answered('accepted'), answered('refused'), failed]) {
      watch.observe(event);
    }
    expect(events()).toEqual([
      ['info', 'payout_submitted'],
      ['info', 'payout_submitted'],
      ['debug', 'payout_submission'],
      ['warn', 'payout_submission'],
      ['error', 'payout_failed'],
    ]);
    expect(lines[0]).toMatchObject({
      payout_id: '1'.repeat(32),
      tx_hash: 'b'.repeat(64),
      amount_lovelace: '18446744073709551615',
    });
    expect(lines[3]).toMatchObject({ outcome: 'refused', reason: 'fee too small' });
    expect(lines[4]).toMatchObject({ reason: 'below the minimum' });
  });

  test('is counted by status reached', async () => {
    for (const event of [submitted, answered('refused'), failed]) watch.observe(event);
    expect(await exported()).toEqual(
      expect.arrayContaining([
        'payouts_total{status="submitted"} 2',
        'payouts_total{status="failed"} 1',
        'payouts_total{status="confirmed"} 0',
        'payout_submit_seconds_bucket{le="0.05",outcome="refused"} 1',
        'payout_submit_seconds_count{outcome="accepted"} 0',
      ]),
    );
  });

  test('of what is in the way is logged when it changes, and stands in /status since then', () => {
    watch.observe({ type: 'payer_acquired', epoch: 9_007_199_254_740_993n });
    watch.observe(waiting(null));
    watch.observe(waiting('node_lags', '6 blocks'));
    clock = 2_000;
    watch.observe(waiting('node_lags', '7 blocks'));
    expect(watch.vitals()).toEqual({
      epoch: 9_007_199_254_740_993n,
      waiting: { why: 'node_lags', detail: '7 blocks', since: 1_000 },
    });
    watch.observe(waiting('paused'));
    expect(watch.vitals().waiting).toMatchObject({ why: 'paused', since: 2_000 });
    watch.observe(waiting(null));
    expect(watch.vitals().waiting).toBeNull();
    watch.observe({ type: 'payer_lost', reason: 'the lock ended' });
    expect(watch.vitals()).toEqual({ epoch: null, waiting: null });
    expect(events()).toEqual([
      ['info', 'payer_acquired'],
      ['warn', 'payouts_waiting'],
      ['warn', 'payouts_waiting'],
      ['info', 'payouts_waiting'],
      ['warn', 'payer_lost'],
    ]);
  });

  test('has a word for everything, that can be written as JSON', () => {
    const all: PayerEvent[] = [
      { type: 'payer_acquired', epoch: 1n },
      { type: 'payer_lost', reason: 'stopped' },
      { ...submitted, payouts: [] },
      { type: 'batch_released', batchId: '7', payouts: 2 },
      { type: 'held', reason: 'restored' },
      { type: 'hold_ended', how: 'fence' },
      { type: 'fence_submitted', transactions: ['b'.repeat(64)] },
    ];
    const told = all.flatMap(payerLines);
    expect(() => JSON.stringify(told)).not.toThrow();
    expect(told.map(({ level, fields }) => [level, fields.event])).toEqual([
      ['info', 'payer_acquired'],
      ['info', 'payer_lost'],
      ['info', 'hot_wallet_tidied'],
      ['warn', 'payout_batch_released'],
      ['warn', 'payouts_held'],
      ['info', 'payouts_hold_ended'],
      ['warn', 'payout_fence_submitted'],
    ]);
  });
});

describe('what the chain tells of payouts', () => {
  const seen = summary({
    inBlock: [payout({ status: 'in_block' })],
    confirmed: [confirmed],
    rolledBack: [payout()],
    adoptions: [
      { type: 'adopted', txHash: 'c'.repeat(64), unknownPayouts: ['2'.repeat(32)] },
      { type: 'unknown_spend', txHash: 'd'.repeat(64) },
    ],
  });

  test('is logged, the foreign spend as an error', () => {
    expect(trackedLines(seen).map(({ level, fields }) => [level, fields.event])).toEqual([
      ['error', 'payouts_adopted'],
      ['error', 'hot_wallet_unknown_spend'],
      ['info', 'payout_in_block'],
      ['info', 'payout_confirmed'],
      ['warn', 'payout_rolled_back'],
    ]);
    expect(trackedLines(summary({ confirmed: [confirmed] }))[0]?.fields).toMatchObject({
      latency_seconds: 120.5,
    });
    expect(trackedLines(undefined)).toEqual([]);
  });

  test('is counted', async () => {
    const { startingVitals } = await import('./vitals.js');
    const cursor = { point: 'origin', height: null } as const;
    const nothing = { detected: [], confirmed: [], rolledBack: [] };
    metrics.observe(
      {
        type: 'forward',
        cursor,
        tip: 'origin',
        blocks: 1,
        durationMs: 1,
        summary: { ...nothing, payouts: seen },
      },
      startingVitals(0),
    );
    expect(await exported()).toEqual(
      expect.arrayContaining([
        'payouts_total{status="in_block"} 1',
        'payouts_total{status="confirmed"} 1',
        'payouts_total{status="rolled_back"} 1',
        'payout_adopted_total 1',
        'payout_unknown_spends_total 1',
        'payout_confirmation_seconds_bucket{le="300"} 1',
      ]),
    );
  });
});

test.each([
  ['operator:ann', 'person'],
  ['key:clerk', 'person'],
  [null, 'person'],
  ['chain', 'chain'],
  ['payer', 'payer'],
])('a pause by %s is told as one by the %s', async (by, label) => {
  const none = { count: 0, oldestSeconds: null };
  const open = { awaiting_approval: none, queued: none, submitted: none, in_block: none };
  const paused = { since: new Date(0), by, reason: 'why' };
  const standing = { open, paused, held: null, fenceRequestedAt: null };
  metrics.samplePayouts({ standing, walletLovelace: null, attemptsWithoutCommonInput: null });
  const told = (await exported()).filter((line) => line.startsWith('payouts_paused'));
  expect(told).toEqual(
    ['person', 'chain', 'payer'].map(
      (one) => `payouts_paused{by="${one}"} ${one === label ? 1 : 0}`,
    ),
  );
});

test('what could not be read has no series', async () => {
  const names =
    /^(hot_wallet_balance_ada|payout_queue_depth|payout_oldest_seconds|payouts_paused|payouts_held|payout_attempts_without_common_input)/;
  const sampled = async () => (await exported()).filter((line) => names.test(line));
  expect(await sampled()).toEqual([]);
  const one = { count: 1, oldestSeconds: 90 };
  const none = { count: 0, oldestSeconds: null };
  const open = { awaiting_approval: none, queued: one, submitted: none, in_block: none };
  const standing = { open, paused: null, held: null, fenceRequestedAt: null };
  metrics.samplePayouts({ standing, walletLovelace: 1_500_000n, attemptsWithoutCommonInput: 0 });
  expect(await sampled()).toEqual(
    expect.arrayContaining([
      'hot_wallet_balance_ada 1.5',
      'payout_queue_depth{state="queued"} 1',
      'payout_oldest_seconds{state="queued"} 90',
      'payout_oldest_seconds{state="submitted"} 0',
      'payouts_paused{by="payer"} 0',
      'payouts_held 0',
      'payout_attempts_without_common_input 0',
    ]),
  );
  metrics.samplePayouts({ standing: null, walletLovelace: null, attemptsWithoutCommonInput: null });
  expect(await sampled()).toEqual([]);
});
