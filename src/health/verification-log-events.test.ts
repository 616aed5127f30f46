import { expect, test } from 'vitest';
import { proofLines } from './proof-log-events.js';

const VERIFIED = {
  type: 'verified',
  balances: 3,
  entries: 9,
  manualEntries: 1,
  shortfalls: [],
  overdueSealings: [],
} as const;

test('a verification names each mismatch, what reserves lack and what waits for a seal', () => {
  const since = new Date('2026-01-01T00:00:00Z');
  const lines = proofLines({
    ...VERIFIED,
    mismatches: 1,
    shown: [['orphan', { txHash: 'ab' }]],
    shortfalls: [{ unit: 'lovelace', owed: '5', treasury: '-5' }],
    overdueSealings: [{ chain: 'audit', since }],
  });
  expect(lines.map(({ level, fields }) => [level, fields.event])).toEqual([
    ['error', 'balance_mismatch'],
    ['warn', 'reserves_short'],
    ['warn', 'sealing_overdue'],
    ['info', 'balances_verified'],
  ]);
  expect(lines[0]?.fields).toMatchObject({ kind: 'orphan', txHash: 'ab' });
  expect(lines.at(-1)?.fields).toMatchObject({ mismatches: 1, logged: 1, manual_entries: 1 });
});

test('however many mismatches there are, the log names a hundred and says how many there are', () => {
  const shown = Array.from({ length: 4_000 }, (_, seal) => ['sealed_rows', { seal }] as const);
  const lines = proofLines({ ...VERIFIED, mismatches: 9_000, shown });
  expect(lines).toHaveLength(101);
  expect(lines.at(-1)?.fields).toMatchObject({ mismatches: 9_000, logged: 100 });
});
