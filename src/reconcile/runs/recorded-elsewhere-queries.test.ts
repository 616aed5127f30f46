import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { heldAt } from './recorded-elsewhere-queries.js';

const database = await createTestDatabase();
const { pool } = database;
await pool.query(
  `insert into payment_addresses (address, partition_id, user_id, watched_from, backfill)
   values ('at ann', 0, 'ann', 0, true)`,
);
afterAll(() => database.drop());

const BOOKS = { partitionId: 0, hotWallet: 'hot wallet' };
const AT = 9;
const PAID = '1'.repeat(64);
const RECEIVED = '2'.repeat(64);
const PAYMENT = `
  insert into incoming_payments (tx_hash, output_index, partition_id, address, user_id, amount_lovelace, status,
                                 block_hash, block_height, slot, confirmed_at)
  values ($1, 3, 0, 'at ann', 'ann', 5, 'confirmed', repeat('c', 64), 5, 100, now())`;
const OUTPUT = `
  insert into wallet_outputs (tx_hash, output_index, partition_id, address, amount_lovelace, block_hash,
                              block_height, slot)
  values ($1, 4, 0, 'hot wallet', 5, repeat('c', 64), 5, 100)`;

/** Of a payment and an output of the hot wallet, whether both are held after that change. */
async function heldAfter(change: string, addresses = ['at ann', 'hot wallet']) {
  await pool.query('truncate incoming_payments, wallet_outputs');
  await pool.query(PAYMENT, [PAID]);
  await pool.query(OUTPUT, [RECEIVED]);
  await pool.query(change);
  const isHeld = await heldAt(pool, BOOKS, AT, addresses);
  return [isHeld(`${PAID}#3`, 'at ann'), isHeld(`${RECEIVED}#4`, 'hot wallet')];
}

test.each([
  ['incoming_payments', 0],
  ['wallet_outputs', 1],
])('what %s hold at the height is told', async (table, position) => {
  const after = async (set: string) => (await heldAfter(`update ${table} set ${set}`))[position];
  expect(await after('output_index = output_index')).toBe(true);
  expect(await after("spent_by = repeat('b', 64), spent_height = 10")).toBe(true);
  expect(await after("spent_by = repeat('b', 64), spent_height = 9")).toBe(false);
  expect(await after('block_height = 9')).toBe(true);
  expect(await after('block_height = 10')).toBe(false);
  expect(
    await after('block_hash = null, block_height = null, slot = null, counted_from = 10'),
  ).toBe(false);
  expect(await after('partition_id = 1')).toBe(false);
  expect(await after('output_index = 5')).toBe(false);
});

test('what was rolled back isn’t held', async () => {
  const change = "update incoming_payments set status = 'rolled_back'";
  expect(await heldAfter(change)).toEqual([false, true]);
});

test('nothing is known of other addresses', async () => {
  expect(await heldAfter('select 1', ['hot wallet'])).toEqual([false, true]);
  expect(await heldAfter('select 1', ['at ann'])).toEqual([true, false]);
});

test('users’ outputs are looked for among the payments alone, and the hot wallet’s among its own', async () => {
  await heldAfter('select 1');
  const isHeld = await heldAt(pool, BOOKS, AT, ['at ann', 'hot wallet']);
  expect(isHeld(`${PAID}#3`, 'hot wallet')).toBe(false);
  expect(isHeld(`${RECEIVED}#4`, 'at ann')).toBe(false);
});
