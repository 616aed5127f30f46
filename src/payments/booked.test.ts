import { expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { inTransaction } from '../database/transaction.js';
import { expectBalanced } from './booked-queries.js';
import { deltasOf, type Entry } from './ledger.js';
import { post } from './ledger-queries.js';

const HELD: Entry = {
  userId: 'ann',
  unit: 'lovelace',
  bucket: 'held',
  type: 'credit',
  amount: 5n,
  reason: 'payout_held',
  cause: { payoutId: 'ab'.repeat(16), turn: 0 },
};

test('what is booked of a payout already is named, with what to do, and nothing is booked', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { pool } = database;
  const book = (entries: readonly Entry[]) =>
    inTransaction(pool, (tx) => post(tx, new Date(), entries, deltasOf(entries)));
  await book([HELD]);
  await expect(book([{ ...HELD, bucket: 'available', type: 'debit' }, HELD])).rejects.toThrow(
    `payout ${'ab'.repeat(16)} (turn 0, user ann) is booked already as payout_held, and its row says ` +
      "otherwise. Nothing was written. A person must set the payout's row right",
  );
  await expect(book([HELD, HELD])).rejects.toThrow('payout_held');
  const { rows } = await pool.query('select available, held from user_balances');
  expect(rows).toEqual([{ available: '0', held: '5' }]);
  const other: Entry = { ...HELD, cause: { payoutId: 'cd'.repeat(16), turn: 0 } };
  await expect(book([other, other])).rejects.toThrow('a fault of chain-teller');
});

test('where what is booked was told before, the event of the very user whose balance is wrong is named', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { pool } = database;
  const deposit = (userId: string, unit: string, outputIndex: number): Entry => ({
    userId,
    unit,
    bucket: 'pending',
    type: 'credit',
    amount: 5n,
    reason: 'payment_detected',
    cause: { txHash: 'ab'.repeat(32), outputIndex, inclusion: 1 },
  });
  const token = 'cd'.repeat(28);
  const entries = [deposit('ann', 'lovelace', 0), deposit('bob', 'lovelace', 1), HELD];
  const book = (more: readonly Entry[]) =>
    inTransaction(pool, (tx) => post(tx, new Date(), more, deltasOf(more)));
  await book([...entries, deposit('bob', token, 1), deposit('eve', 'lovelace', 2)]);
  const keyOf = (index: number) => `payment.detected:${'ab'.repeat(32)}#${index}:1`;
  const check = (keys: readonly string[]) =>
    inTransaction(pool, (tx) => expectBalanced(tx, keys, entries));
  const spoil = (userId: string, unit: string) =>
    pool.query('update user_balances set pending = 99 where user_id = $1 and unit = $2', [
      userId,
      unit,
    ]);
  const held = `payout.confirmed:${'ab'.repeat(16)}:0`;
  await check([keyOf(0), keyOf(1), held]);
  // Nothing that is booked now moves these.
  await spoil('bob', token);
  await spoil('eve', 'lovelace');
  await check([keyOf(0), keyOf(1), keyOf(2), held]);
  await spoil('bob', 'lovelace');
  await check([keyOf(0), held]);
  await expect(check([keyOf(0), keyOf(1), held])).rejects.toThrow(
    `${keyOf(1)} was told before, and the lovelace of user bob aren't the sum of the entries`,
  );
  await spoil('ann', 'lovelace');
  await expect(check([held])).rejects.toThrow(
    `${held} was told before, and the lovelace of user ann`,
  );
});
