import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { inTransaction } from '../../database/transaction.js';
import { lovelaceTogether, readHistories } from './heal-queries.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const MANY = 20;
const TX = 'ab'.repeat(32);
const REFERENCES = Array.from({ length: MANY }, (_, index) => `${TX}#${index}` as const);

test('what was told is found at once, whatever inclusion another hand wrote into rows', async () => {
  await pool.query(
    `insert into payment_addresses (address, partition_id, user_id) values ('addr', 0, 'ann')`,
  );
  await pool.query(
    `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status, inclusion)
     select $1, i, 'addr', 'ann', 1, 'rolled_back', 999999 from generate_series(0, $2 - 1) i`,
    [TX, MANY],
  );
  await pool.query(
    `insert into outbox (type, event_key, data)
     select 'payment.detected', 'payment.detected:' || $1 || '#3:' || i, '{}'
       from unnest(array[1, 2, 999998, 999999, 1000000]) i`,
    [TX],
  );
  const histories = await inTransaction(pool, async (tx) => {
    // Each number up to that would be looked for in a million steps and more.
    await tx.query(`set local statement_timeout = '2s'`);
    return readHistories(tx, REFERENCES);
  });
  expect([...histories.keys()]).toEqual([`${TX}#3`]);
  const history = histories.get(`${TX}#3`);
  expect([...(history?.detected ?? [])].sort((a, b) => a - b)).toEqual([
    1, 2, 999_998, 999_999, 1_000_000,
  ]);
  expect(history?.latest).toBe(1_000_000);
});

test('no row and no entry has an inclusion after which there is none', async () => {
  await expect(pool.query('update incoming_payments set inclusion = 1000000')).rejects.toThrow(
    /inclusion/,
  );
  await expect(
    pool.query(
      `insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
       values ('ann', 'lovelace', 'pending', 'credit', 1, 'payment_detected', $1, 0, 1000000)`,
      [TX],
    ),
  ).rejects.toThrow(/inclusion/);
});

test('what a user was paid in a block counts once, however many of its outputs are missing', async () => {
  await pool.query(
    `insert into incoming_payments
       (tx_hash, output_index, address, user_id, amount_lovelace, status, block_hash, block_height, slot, tx_position)
     values ($1, 100, 'addr', 'ann', 7, 'pending', 'b', 1, 1, 0), ($1, 101, 'addr', 'ann', 5, 'ignored', 'b', 1, 1, 0)`,
    [TX],
  );
  const missing = { userId: 'ann', blockHash: 'b' };
  const sums = await inTransaction(pool, (tx) => lovelaceTogether(tx, [missing, missing, missing]));
  expect([...sums]).toEqual([['ann b', 7n]]);
});
