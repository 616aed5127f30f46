import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { handMadeBooks } from '../../../test/support/hand-made-books.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { inTransaction } from '../../database/transaction.js';
import { entriesOfHold } from '../../payouts/model/entries.js';
import { balanceLedger } from './balance-ledger.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() =>
  database.pool.query(
    'truncate outbound_payments, balance_transactions, user_balances, audit_log cascade',
  ),
);

const AVAILABLE = 'select user_id as "user", available::int from user_balances order by user_id';

/** Two users, each with a payout and a balance that isn't the sum of its entries. */
async function heal(disputes: (payouts: readonly string[]) => readonly string[]) {
  const books = handMadeBooks(database.pool);
  const payouts: string[] = [];
  for (const userId of ['ann', 'bob']) {
    const payout = await books.payout({ userId, amountLovelace: 5n, heldFee: 0n });
    await books.enter(entriesOfHold(payout));
    payouts.push(payout.id);
  }
  await database.pool.query('update user_balances set available = 77');
  // As another hand would hide whose it was.
  await database.pool.query('update outbound_payments set user_id = null');
  const healed = await inTransaction(database.pool, (tx) =>
    balanceLedger(tx, new Date(), {
      actor: 'test',
      cause: 'test',
      payments: [],
      payouts: [],
      balances: ['ann', 'bob'].map((userId) => ({ userId, unit: 'lovelace' })),
      areEntriesSound: true,
      disputedPayouts: disputes(payouts),
    }),
  );
  return { healed, balances: (await database.pool.query(AVAILABLE)).rows };
}

test('a balance becomes the sum of its entries', async () => {
  expect(await heal(() => [])).toEqual({
    healed: { entries: 0, balances: 2, doubtful: 0, endless: 0 },
    balances: [
      { user: 'ann', available: -5 },
      { user: 'bob', available: -5 },
    ],
  });
});

test('that of whom a disputed payout was accepted for is left alone', async () => {
  expect(await heal(([first = '']) => [first])).toEqual({
    healed: { entries: 0, balances: 1, doubtful: 1, endless: 0 },
    balances: [
      { user: 'ann', available: 77 },
      { user: 'bob', available: -5 },
    ],
  });
});

const HASH = 'ab'.repeat(32);

test.each([
  ['set back', `select setval('correction_ids', 1, false)`, ['1', '2']],
  ['advanced', `select setval('correction_ids', 41)`, ['1', '42']],
])(
  'what was corrected before is corrected again where the sequence was %s',
  async (_what, sql, ids) => {
    const { pool } = database;
    const books = handMadeBooks(pool);
    const payout = await books.payout({ userId: 'ann', amountLovelace: 5n, heldFee: 0n });
    await books.enter(entriesOfHold(payout));
    await pool.query(`select setval('correction_ids', 1, false)`);
    const correct = async (reason: string) => {
      await pool.query(
        `insert into balance_transactions
         (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion, payout_id, payout_turn)
       values ('ann', 'lovelace', 'available', 'credit', 3, $1, null, null, null, $2, 1),
              ('ann', 'lovelace', 'available', 'credit', 3, $1, $3, 0, 1, null, null)`,
        [reason, payout.id, HASH],
      );
      const { entries } = await inTransaction(pool, (tx) =>
        balanceLedger(tx, new Date(), {
          actor: 'test',
          cause: 'test',
          payments: [`${HASH}#0`],
          payouts: [payout.id],
          balances: [],
          areEntriesSound: true,
          disputedPayouts: [],
        }),
      );
      expect(entries).toBe(2);
    };
    await correct('once');
    await pool.query(sql);
    await correct('again');
    const { rows } = await pool.query<{ id: string }>(
      `select distinct correction_id::text as id from balance_transactions where correction_id is not null order by id`,
    );
    expect(rows.map(({ id }) => id)).toEqual(ids);
    expect((await pool.query(AVAILABLE)).rows).toEqual([{ user: 'ann', available: -5 }]);
  },
);
