import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { handMadeBooks, hashOf } from '../../../test/support/hand-made-books.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import {
  entriesOfConfirmation,
  entriesOfDetection,
  entriesOfRollback,
} from '../../payments/ledger.js';
import { entriesOfHold, entriesOfRelease } from '../../payouts/model/entries.js';
import { verifyBooks } from './verify-books.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** A payment that was rolled back, a payout that was cancelled, and one of each that goes on. */
beforeEach(async () => {
  await database.pool.query(
    'truncate incoming_payments, outbound_payments, balance_transactions, user_balances cascade',
  );
  const books = handMadeBooks(database.pool);
  const kept = await books.payment({ status: 'confirmed', amountLovelace: 50_000_000n });
  await books.enter([...entriesOfDetection(kept), ...entriesOfConfirmation(kept)]);
  const lost = await books.payment({ status: 'rolled_back', amountLovelace: 7_000_000n });
  const once = { ...lost, status: 'confirmed' } as const;
  await books.enter([
    ...entriesOfDetection(once),
    ...entriesOfConfirmation(once),
    ...entriesOfRollback(once),
  ]);
  await books.enter(entriesOfHold(await books.payout({ status: 'queued' })));
  const cancelled = await books.payout({ status: 'cancelled', booked: false });
  await books.enter([...entriesOfHold(cancelled), ...entriesOfRelease(cancelled)]);
});

const OF_PAYMENT = `
  insert into balance_transactions
    (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
  values ('alice', 'lovelace', $2, $3, 5, $4, $1, 0, 1)`;
const OF_PAYOUT = `
  insert into balance_transactions (user_id, unit, bucket, type, amount, reason, payout_id, payout_turn)
  values ('alice', 'lovelace', $2, $3, 5, $4, $1, 0)`;

type Leg = readonly [bucket: string, type: 'credit' | 'debit', reason: string];
const enter = async (text: string, cause: string, legs: readonly Leg[]): Promise<void> => {
  for (const leg of legs) await database.pool.query(text, [cause, ...leg]);
};
const orphansOf = async (): Promise<number> => (await verifyBooks(database.pool)).orphans.count;

test('what was rolled back or given back is no orphan', async () => {
  expect(await orphansOf()).toBe(0);
});

test.each([
  ['payment rolled back', "delete from incoming_payments where status = 'rolled_back'", 4],
  ['payout cancelled', "delete from outbound_payments where status = 'cancelled'", 4],
])('entries of a %s whose row is gone are told of', async (_, text, entries) => {
  await database.pool.query(text);
  expect(await orphansOf()).toBe(entries);
});

describe('entries of nothing that add up to nothing are told of', () => {
  const PAYMENTS: readonly (readonly Leg[])[] = [
    [
      ['pending', 'credit', 'payment_detected'],
      ['pending', 'debit', 'payment_rolled_back'],
    ],
    [
      ['pending', 'credit', 'payment_detected'],
      ['pending', 'debit', 'payment_confirmed'],
    ],
    [
      ['pending', 'credit', 'payment_confirmed'],
      ['pending', 'debit', 'payment_confirmed'],
    ],
    [
      ['available', 'credit', 'payment_confirmed'],
      ['available', 'debit', 'payment_confirmed'],
    ],
    [
      ['held', 'credit', 'payment_confirmed'],
      ['held', 'debit', 'payment_confirmed'],
    ],
    [
      ['available', 'credit', 'correction'],
      ['available', 'debit', 'correction'],
    ],
  ];
  test.each(PAYMENTS)('as if of a payment: %j and %j', async (...legs) => {
    await enter(OF_PAYMENT, hashOf('nothing'), legs);
    expect(await orphansOf()).toBe(2);
  });

  const PAYOUTS: readonly (readonly Leg[])[] = [
    [
      ['held', 'credit', 'payout_held'],
      ['held', 'debit', 'payout_confirmed'],
    ],
    [
      ['held', 'credit', 'payout_rolled_back'],
      ['held', 'debit', 'payout_released'],
    ],
    [
      ['available', 'debit', 'payout_held'],
      ['available', 'credit', 'payout_held'],
    ],
    [
      ['pending', 'credit', 'payout_held'],
      ['pending', 'debit', 'payout_held'],
    ],
    [
      ['available', 'debit', 'correction'],
      ['available', 'credit', 'correction'],
    ],
  ];
  test.each(PAYOUTS)('as if of a payout: %j and %j', async (...legs) => {
    await enter(OF_PAYOUT, 'f'.repeat(32), legs);
    expect(await orphansOf()).toBe(2);
  });
});

test('half a movement that is made good by a correction hides no orphan', async () => {
  const [paid] = (
    await database.pool.query<{ tx_hash: string }>(
      "select tx_hash from incoming_payments where status = 'confirmed'",
    )
  ).rows;
  const cause = paid?.tx_hash ?? '';
  await database.pool.query(
    `update balance_transactions set reason = 'correction'
      where tx_hash = $1 and reason = 'payment_confirmed' and bucket = 'pending'`,
    [cause],
  );
  expect(await orphansOf()).toBe(0);
  await enter(OF_PAYMENT, hashOf('nothing'), [
    ['pending', 'credit', 'payment_detected'],
    ['pending', 'debit', 'payment_confirmed'],
  ]);
  expect(await orphansOf()).toBe(2);
});

test.each([
  ['the payout', "select tx_hash from incoming_payments where status = 'confirmed'", null],
  ['the payment', null, "select id from outbound_payments where status = 'queued'"],
])('of entries that name both, only %s being unknown', async (_, payment, payout) => {
  await database.pool.query(
    `insert into balance_transactions
       (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion, payout_id, payout_turn)
     select 'alice', 'lovelace', 'available', type, 9, 'correction', (${payment ?? `select '${hashOf('nothing')}'`}),
            0, 1, (${payout ?? `select '${'f'.repeat(32)}'`}), 0
       from unnest(array['credit', 'debit']) as type`,
  );
  expect(await orphansOf()).toBe(2);
});
