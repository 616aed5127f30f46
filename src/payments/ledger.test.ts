import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  deltasOf,
  type Entry,
  entriesOfConfirmation,
  entriesOfDetection,
  entriesOfRollback,
} from './ledger.js';
import type { Payment } from './payment.js';

const payment = (fields: Partial<Payment> = {}): Payment => ({
  txHash: 'ab'.repeat(32),
  outputIndex: 0,
  address: 'addr',
  userId: 'ann',
  referenceType: null,
  referenceId: null,
  amountLovelace: 2n ** 64n - 1n,
  assets: new Map([['cd'.repeat(28), 2n ** 64n - 1n]]),
  status: 'pending',
  inclusion: 1,
  requiredConfirmations: 6,
  blockHash: 'ef'.repeat(32),
  blockHeight: 7,
  countedFrom: null,
  slot: 140,
  spentBy: null,
  detectedAt: new Date(0),
  confirmedAt: null,
  ...fields,
});
const legs = (entries: readonly Entry[]) =>
  entries.map(({ bucket, type, unit, amount }) => [bucket, type, unit.slice(0, 8), amount]);
const MOST = 2n ** 64n - 1n;

describe('ledger entries', () => {
  test('a deposit is promised first, in every unit', () => {
    expect(legs(entriesOfDetection(payment()))).toEqual([
      ['pending', 'credit', 'lovelace', MOST],
      ['pending', 'credit', 'cdcdcdcd', MOST],
    ]);
  });

  test('a confirmation moves it from pending to available', () => {
    expect(legs(entriesOfConfirmation(payment({ assets: new Map() })))).toEqual([
      ['pending', 'debit', 'lovelace', MOST],
      ['available', 'credit', 'lovelace', MOST],
    ]);
  });

  test.each([
    ['pending', [['pending', 'debit', 'lovelace', MOST]]],
    ['confirmed', [['available', 'debit', 'lovelace', MOST]]],
    ['ignored', []],
    ['rolled_back', []],
    ['seen', []],
  ] as const)('rolling a %s payment back takes it from where it stands', (status, expected) => {
    const entries = entriesOfRollback(payment({ status, assets: new Map() }));
    expect(legs(entries)).toEqual(expected);
  });

  test('an output without lovelace makes no entry of zero', () => {
    expect(entriesOfDetection(payment({ amountLovelace: 0n, assets: new Map() }))).toEqual([]);
  });

  test('deltas are the exact sums of the entries, one row a balance, in the order of locking', () => {
    const entry = fc.record({
      userId: fc.constantFrom('ann', 'bob', 'a b'),
      unit: fc.constantFrom('lovelace', 'cd', 'b cd'),
      bucket: fc.constantFrom('pending', 'available', 'held'),
      type: fc.constantFrom('credit', 'debit'),
      amount: fc.bigInt({ min: 1n, max: MOST }),
    });
    fc.assert(
      fc.property(fc.array(entry), (drafts) => {
        const { txHash, outputIndex, inclusion } = payment();
        const entries: Entry[] = drafts.map((draft) => ({
          ...draft,
          reason: 'payment_detected',
          cause: { txHash, outputIndex, inclusion },
        }));
        const deltas = deltasOf(entries);
        const keys = deltas.map(({ userId, unit }) => [userId, unit]);
        expect(keys).toEqual(
          [...keys].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
        );
        for (const delta of deltas) {
          for (const bucket of ['pending', 'available', 'held'] as const) {
            const sum = entries
              .filter(
                (e) => e.userId === delta.userId && e.unit === delta.unit && e.bucket === bucket,
              )
              .reduce((total, e) => total + (e.type === 'credit' ? e.amount : -e.amount), 0n);
            expect(delta[bucket]).toBe(sum);
          }
        }
        expect(deltas.length).toBe(new Set(entries.map((e) => `${e.userId}|${e.unit}`)).size);
      }),
    );
  });
});
