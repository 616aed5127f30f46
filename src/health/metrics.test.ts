import { Registry } from 'prom-client';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Height, Slot, Tip } from '../chain/point.js';
import type { Payment, PaymentsSummary } from '../payments/payment.js';
import type { SyncEvent } from '../sync/events.js';
import { boundedLabels } from './bounded-labels.js';
import { logLines } from './log-events.js';
import { createMetrics, type Metrics } from './metrics.js';
import { observeVitals, startingVitals } from './vitals.js';

type Event = SyncEvent<PaymentsSummary>;
const block = (height: number): Tip => ({
  height: height as Height,
  slot: height as Slot,
  id: 'a'.repeat(64),
});
const payment = (fields: Partial<Payment> = {}): Payment => ({
  txHash: 'b'.repeat(64),
  outputIndex: 0,
  address: 'addr_test1',
  userId: 'ann',
  referenceType: 'order',
  referenceId: '7',
  amountLovelace: 18_446_744_073_709_551_615n,
  assets: new Map(),
  status: 'pending',
  inclusion: 1,
  requiredConfirmations: 6,
  blockHash: 'a'.repeat(64),
  blockHeight: 5,
  countedFrom: null,
  slot: 5,
  spentBy: null,
  detectedAt: new Date(10_000),
  confirmedAt: null,
  ...fields,
});
const forward = (summary: Partial<PaymentsSummary> = {}, blocks = 1): Event => ({
  type: 'forward',
  cursor: { point: block(5), height: 5 as Height },
  tip: block(9),
  blocks,
  durationMs: 100,
  summary: { detected: [], confirmed: [], rolledBack: [], ...summary },
});
const backward = (blocksRolledBack: number, rolledBack: Payment[] = []): Event => ({
  type: 'backward',
  cursor: { point: block(5), height: 5 as Height },
  tip: block(9),
  blocksRolledBack,
  durationMs: 1,
  summary: { detected: [], confirmed: [], rolledBack },
});
const acquired: Event = { type: 'leader_acquired', epoch: 9_007_199_254_740_993n };
const connected: Event = { type: 'connected', endpoint: 'ws://node' };

let clock = 0;
let metrics: Metrics;
let vitals = startingVitals(0);
const AT_ORIGIN = { point: 'origin', height: null } as const;
const see = (...events: Event[]): void => {
  for (const event of events) {
    vitals = observeVitals(vitals, event, clock);
    metrics.observe(event, vitals);
  }
};
const lines = async (): Promise<string[]> => (await metrics.registry.metrics()).split('\n');
beforeEach(() => {
  clock = 0;
  vitals = startingVitals(0);
  metrics = createMetrics(new Registry(), () => clock);
});

describe('metrics', () => {
  test('a leader exports where it is', async () => {
    see(acquired, connected, forward());
    clock = 90_000;
    expect(await lines()).toEqual(
      expect.arrayContaining([
        'payment_monitor_is_leader 1',
        'payment_monitor_sync_height 5',
        'payment_monitor_sync_lag 4',
        'payment_monitor_seconds_since_last_block 90',
      ]),
    );
  });

  test('a leader exports at how many addresses the past can’t be recorded', async () => {
    see(acquired, { type: 'past_contradicted', cursor: AT_ORIGIN, addresses: 2, news: ['why'] });
    expect(await lines()).toContain('payment_monitor_contradicted_pasts 2');
    see({ type: 'past_contradicted', cursor: AT_ORIGIN, addresses: 0, news: [] });
    expect(await lines()).toContain('payment_monitor_contradicted_pasts 0');
  });

  test('silence is counted from the election where no block came yet', async () => {
    clock = 1000;
    see(acquired);
    clock = 61_000;
    expect(await lines()).toContain('payment_monitor_seconds_since_last_block 60');
  });

  test('a standby says that it is one and nothing of the chain', async () => {
    see(acquired, forward(), { type: 'leader_lost', epoch: 1n, reason: 'lock' });
    const exported = await lines();
    expect(exported).toContain('payment_monitor_is_leader 0');
    expect(exported.filter((line) => /^payment_monitor_(sync|seconds)/.test(line))).toEqual([]);
  });

  test('reconnects and rollbacks are counted, first answers are none', async () => {
    see(acquired, connected, backward(0), connected, connected, backward(3), backward(6));
    expect(await lines()).toEqual(
      expect.arrayContaining([
        'payment_monitor_reconnects_total 2',
        'payment_monitor_rollbacks_total 2',
        'payment_monitor_rollback_depth_blocks_bucket{le="5"} 1',
        'payment_monitor_rollback_depth_blocks_count 2',
      ]),
    );
  });

  test('a batch counts as its blocks', async () => {
    see(forward({}, 50));
    const exported = await lines();
    expect(exported).toContain('block_processing_seconds_count 50');
    expect(exported).toContain('block_processing_seconds_bucket{le="0.0025"} 50');
  });

  test('payments are counted by the type of their reference', async () => {
    const confirmed = payment({ status: 'confirmed', confirmedAt: new Date(70_000) });
    see(
      forward({
        detected: [
          payment({ amountLovelace: 4_000_000n }),
          payment({ referenceType: null }),
          payment({ inclusion: 2 }),
          payment({ status: 'ignored' }),
        ],
        confirmed: [confirmed],
      }),
    );
    expect(await lines()).toEqual(
      expect.arrayContaining([
        'payments_detected_total{reference_type="order"} 1',
        'payments_detected_total{reference_type="none"} 1',
        'payments_confirmed_total{reference_type="order"} 1',
        'payment_value_ada_bucket{le="5"} 1',
        'payment_value_ada_count 2',
        'payment_confirmation_seconds_bucket{le="60"} 1',
      ]),
    );
  });

  test('a balance that was never verified has no number', async () => {
    expect((await lines()).some((line) => line.startsWith('balance_mismatches'))).toBe(false);
    metrics.sampleVerification({
      finishedAt: new Date(5000),
      mismatches: 0,
      shortfall: { units: 0, lovelace: '0' },
    });
    expect(await lines()).toEqual(
      expect.arrayContaining([
        'balance_mismatches 0',
        'balance_verification_last_success_timestamp_seconds 5',
        'reserves_short_units 0',
        'reserves_shortfall_ada 0',
      ]),
    );
    metrics.sampleVerification(null);
    expect((await lines()).some((line) => /^(balance|reserves)_/.test(line))).toBe(false);
  });

  test.each([
    [{ units: 2, lovelace: '1500000' }, ['reserves_short_units 2', 'reserves_shortfall_ada 1.5']],
    [{ units: 1, lovelace: null }, ['reserves_short_units 1']],
    [null, []],
  ])('reserves that lack %o are %o', async (shortfall, expected) => {
    metrics.sampleVerification({ finishedAt: new Date(5000), mismatches: 0, shortfall });
    expect((await lines()).filter((line) => line.startsWith('reserves_'))).toEqual(expected);
  });

  test("made-up reference types don't make series without end", () => {
    const labelOf = boundedLabels(2);
    expect(['a', 'b', 'c', 'a', null, 'd'].map(labelOf)).toEqual([
      'a',
      'b',
      'other',
      'a',
      'none',
      'other',
    ]);
  });
});

describe('log events', () => {
  const told = (event: Event) => logLines(event).map(({ level, fields }) => ({ level, ...fields }));

  test('a block is told at debug, and its payments with exact amounts', () => {
    const confirmed = payment({ status: 'confirmed', confirmedAt: new Date(130_500) });
    expect(told(forward({ detected: [payment()], confirmed: [confirmed] }))).toMatchObject([
      { level: 'debug', event: 'block_processed', height: 5, tip_height: 9, blocks: 1 },
      { level: 'info', event: 'payment_detected', amount_lovelace: '18446744073709551615' },
      { level: 'info', event: 'payment_confirmed', latency_seconds: 120.5 },
    ]);
  });

  test('a rollback tells its depth and whom it touched', () => {
    expect(told(backward(3, [payment({ status: 'rolled_back' })]))).toMatchObject([
      { level: 'warn', event: 'rollback', blocks_rolled_back: 3, affected_payments: 1 },
      { level: 'warn', event: 'payment_rolled_back', user_id: 'ann' },
    ]);
  });

  test('an epoch is told exactly', () => {
    expect(told(acquired)).toMatchObject([{ event: 'leader_acquired', epoch: '9007199254740993' }]);
  });

  test('every line can be written as JSON', () => {
    const events: Event[] = [
      acquired,
      connected,
      { type: 'standby' },
      { type: 'leader_lost', epoch: 1n, reason: 'lock' },
      { type: 'connect_failed', endpoint: 'ws://node', reason: 'refused' },
      { type: 'disconnected', endpoint: 'ws://node', reason: 'gone' },
      { type: 'api_key_rotated', endpoint: 'ws://node', keyIndex: 1 },
      { type: 'intersection_found', point: 'origin', tip: 'origin' },
      { type: 'intersection_lost', cursor: { point: 'origin', height: null }, instructions: 'do' },
      { type: 'node_behind', cursor: { point: 'origin', height: null }, tip: block(1) },
      { type: 'undecodable_block', after: block(1), error: new Error('odd') },
      forward({ detected: [payment()] }),
      backward(1, [payment()]),
    ];
    const names = events
      .flatMap((event) => logLines(event))
      .map((line) => {
        expect(() => JSON.stringify(line.fields)).not.toThrow();
        return line.fields.event;
      });
    expect(new Set(names).size).toBe(events.length + 2);
  });
});
