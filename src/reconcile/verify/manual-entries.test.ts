import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { handMadeBooks, TOKEN } from '../../../test/support/hand-made-books.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { entriesOfConfirmation, entriesOfDetection } from '../../payments/ledger.js';
import { entriesOfHold } from '../../payouts/model/entries.js';
import { type Verification, verifyBooks } from './verify-books.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const change = (text: string) => database.pool.query(text);
const verify = () => verifyBooks(database.pool);

beforeEach(async () => {
  await change(
    'truncate incoming_payments, outbound_payments, balance_transactions, user_balances, audit_log cascade',
  );
  const books = handMadeBooks(database.pool);
  const paid = await books.payment({ status: 'confirmed', amountLovelace: 50_000_000n });
  await books.enter([...entriesOfDetection(paid), ...entriesOfConfirmation(paid)]);
  const pending = await books.payment({ status: 'pending', userId: 'bob' });
  await books.enter(entriesOfDetection(pending));
  await books.enter(entriesOfHold(await books.payout({ status: 'queued', feeLovelace: 170_000n })));
});

const namesOf = (found: Verification): string[] =>
  [
    found.totalMismatches > found.unfounded.count ? 'others' : '',
    found.unfounded.count > 0 ? 'unfounded' : '',
    found.reserves.some((one) => !one.agrees) ? 'reserves' : '',
  ].filter((name) => name !== '');

/** What the tables refuse: no sum would come out of it, and nothing that is added makes it good. */
const ENDLESS_AMOUNTS: readonly string[] = [
  "update balance_transactions set amount = 'NaN'",
  "update balance_transactions set amount = 'Infinity'",
  "update user_balances set available = 'NaN'",
  "update user_balances set available = '-Infinity'",
  "update user_balances set held = 'Infinity'",
  "update user_balances set pending = 'NaN'",
  "update incoming_payments set amount_lovelace = 'NaN'",
  "update incoming_payments set amount_lovelace = 'Infinity'",
  "update outbound_payments set amount_lovelace = 'NaN'",
  "update outbound_payments set held_fee = 'Infinity'",
  "update outbound_payments set fee_lovelace = 'NaN'",
];

test.each(ENDLESS_AMOUNTS)('what is no finite number is refused: %s', async (text) => {
  await expect(change(text)).rejects.toMatchObject({ code: '23514' });
});

describe('entries that name neither a payment nor a payout', () => {
  const enter = (rows: string) =>
    change(`
      with e as (
        insert into balance_transactions (user_id, unit, bucket, type, amount, reason) values ${rows}
        returning user_id, unit, bucket, case type when 'credit' then amount else -amount end as delta),
      sums as (
        select user_id, unit, coalesce(sum(delta) filter (where bucket = 'available'), 0) as available,
               coalesce(sum(delta) filter (where bucket = 'held'), 0) as held,
               coalesce(sum(delta) filter (where bucket = 'pending'), 0) as pending
          from e group by user_id, unit)
      insert into user_balances (user_id, unit, available, held, pending) select * from sums
      on conflict (user_id, unit) do update
         set available = user_balances.available + excluded.available,
             held = user_balances.held + excluded.held, pending = user_balances.pending + excluded.pending`);

  test('are people’s where money is available and the reason is theirs: counted, with their sums', async () => {
    expect((await verify()).manualEntries).toEqual({ count: 0, units: [] });
    await enter(`('bob', 'lovelace', 'available', 'credit', 5, 'goodwill'),
                 ('zoe', 'lovelace', 'available', 'debit', 7, 'bank fee'),
                 ('zoe', '${TOKEN}', 'available', 'credit', 3, 'a payment_confirmed elsewhere')`);
    const found = await verify();
    expect(namesOf(found)).toEqual([]);
    expect(found.totalMismatches).toBe(0);
    expect(found.manualEntries).toEqual({
      count: 3,
      units: [
        { unit: 'lovelace', entries: 2, sum: '-2' },
        { unit: TOKEN, entries: 1, sum: '3' },
      ],
    });
  });

  test.each([
    ['payment_detected', 'pending'],
    ['payment_confirmed', 'available'],
    ['payout_released', 'available'],
    ['correction', 'available'],
    ['goodwill', 'held'],
    ['goodwill', 'pending'],
  ])('are a mismatch where one says %s in what is %s', async (reason, bucket) => {
    await enter(`('mallory', 'lovelace', '${bucket}', 'credit', 5000000, '${reason}')`);
    const found = await verify();
    expect(namesOf(found)).toEqual(['unfounded', 'reserves']);
    expect(found).toMatchObject({ totalMismatches: 1, manualEntries: { count: 0 } });
    expect(found.unfounded.shown).toMatchObject([
      { userId: 'mallory', unit: 'lovelace', bucket, type: 'credit', amount: '5000000', reason },
    ]);
  });

  test('are mismatches though they only move money from one user to another', async () => {
    await enter(`('ann', 'lovelace', 'available', 'debit', 9, 'payment_rolled_back'),
                 ('mallory', 'lovelace', 'available', 'credit', 9, 'payment_confirmed')`);
    expect(namesOf(await verify())).toEqual(['unfounded']);
    expect((await verify()).unfounded.count).toBe(2);
  });

  test('are taken back by others like them, and by nothing else', async () => {
    await enter(`('mallory', 'lovelace', 'available', 'credit', 9, 'payment_confirmed')`);
    await enter(`('mallory', 'lovelace', 'available', 'debit', 9, 'goodwill')`);
    expect((await verify()).unfounded.count).toBe(1);
    await enter(`('mallory', 'lovelace', 'available', 'debit', 9, 'payment_confirmed')`);
    expect(namesOf(await verify())).toEqual([]);
    expect((await verify()).manualEntries).toMatchObject({ count: 1 });
  });
});
