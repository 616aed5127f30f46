import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import type { GuardRow } from '../guard/guard-queries.js';
import { type Reason, withTrouble } from '../guard/reasons.js';
import { guardLines } from './guard-log-events.js';
import { guardMetrics } from './guard-metrics.js';
import { tellGuard } from './guard-status.js';

const SINCE = '2026-01-01T00:00:00.000Z';
const NAME = 'wss://b.example';
const reasons: readonly Reason[] = withTrouble(
  withTrouble([], { kind: 'witness', witness: NAME, common: 990, ours: 10, theirs: 7 }, SINCE),
  { kind: 'density', slot: 20_000, blocks: 90, least: 104 },
  SINCE,
);
const passed = reasons.map((one) => ({ ...one, released: { at: SINCE, by: 'ann', why: 'ours' } }));
const rowOf = (of: Partial<GuardRow>): GuardRow => ({
  heldAt: null,
  reasons: [],
  releasedAt: null,
  releasedBy: null,
  witnesses: [],
  peakHeight: null,
  densityUnknown: null,
  ...of,
});

describe('the metrics', () => {
  let now = Date.parse(SINCE);
  const scrape = async (...rows: readonly (GuardRow | null)[]): Promise<string[]> => {
    const registry = new Registry();
    const sample = guardMetrics(registry, () => now);
    for (const row of rows) sample(row);
    return (await registry.metrics()).split('\n').filter((line) => /^payment_/.test(line));
  };
  const heard = { witness: NAME, agrees: true, verdict: 'agrees', heardAt: SINCE };

  test('count what holds by its kind', async () => {
    expect(await scrape(rowOf({ heldAt: new Date(SINCE), reasons, witnesses: [heard] }))).toEqual([
      'payment_monitor_chain_held{reason="witness"} 1',
      'payment_monitor_chain_held{reason="rollback"} 0',
      'payment_monitor_chain_held{reason="density"} 1',
      `payment_monitor_witness_agrees{witness="${NAME}"} 1`,
    ]);
  });

  test('count neither a silence of five minutes as agreeing nor a beginning as trouble', async () => {
    const row = rowOf({ reasons: withTrouble([], { kind: 'unheard' }, SINCE), witnesses: [heard] });
    const quiet = (await scrape(row)).filter((line) => line.startsWith('payment_monitor_chain'));
    expect(quiet.every((line) => line.endsWith(' 0'))).toBe(true);
    const agrees = async (ms: number) => {
      now = Date.parse(SINCE) + ms;
      return (await scrape(row)).at(-1);
    };
    const series = `payment_monitor_witness_agrees{witness="${NAME}"}`;
    expect(await agrees(300_000)).toBe(`${series} 1`);
    expect(await agrees(300_001)).toBe(`${series} 0`);
    now = Date.parse(SINCE);
  });

  test('count nothing that a person let pass', async () => {
    const lines = await scrape(rowOf({ reasons: passed }));
    expect(lines.filter((line) => !line.endsWith(' 0'))).toEqual([]);
    expect(lines).toHaveLength(3);
  });

  test("have no series for what can't be read, and none for a witness that is gone", async () => {
    expect(await scrape(rowOf({ witnesses: [heard] }), null)).toEqual([]);
    expect(await scrape(rowOf({ witnesses: [heard] }), rowOf({}))).toHaveLength(3);
  });
});

test('the status says who is held, since when, why and by whom it was let pass', () => {
  expect(tellGuard(null)).toBeNull();
  expect(tellGuard(rowOf({}))).toMatchObject({ held: false, since: null, reasons: [] });
  expect(tellGuard(rowOf({ densityUnknown: 'refused' }))).toMatchObject({
    densityUnknown: 'refused',
  });
  const heldAt = new Date(SINCE);
  expect(tellGuard(rowOf({ heldAt, reasons }))).toMatchObject({
    held: true,
    since: SINCE,
    reasons: [
      { kind: 'witness', witness: NAME, released: null },
      { kind: 'density', witness: null },
    ],
  });
});

test.each([
  [{ type: 'chain_guard_held', reasons } as const, 'error'],
  [{ type: 'chain_guard_released', by: null } as const, 'warn'],
  [{ type: 'chain_guard_failed', reason: 'database' } as const, 'warn'],
  [{ type: 'density_unknown', reason: 'no node answers' } as const, 'warn'],
  [
    { type: 'witness_heard', witness: NAME, verdict: { type: 'agrees', common: 9 } } as const,
    'info',
  ],
  [
    { type: 'witness_heard', witness: NAME, verdict: { type: 'silent', reason: 'away' } } as const,
    'warn',
  ],
])('%j is one line', (event, level) => {
  expect(guardLines(event)).toMatchObject([{ level, fields: { event: event.type } }]);
});
