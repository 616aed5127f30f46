import { expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { inTransaction } from '../database/transaction.js';
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
