import { afterAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { handMadeBooks } from '../../../test/support/hand-made-books.js';
import { checkConfirmations } from './early-confirmations.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const BEFORE = 'block_hash = null, block_height = null, slot = null';

/** The cursor stands at 1000, and of six confirmations that a payment in block 996 needs it has five. */
beforeEach(async () => {
  await pool.query('truncate incoming_payments, payment_addresses, outbox, sync_state cascade');
  await pool.query(`
    insert into sync_state
      (partition_id, total_partitions, network, started, last_slot, last_block_hash, last_block_height)
    values (0, 1, 'preprod', true, 20000, repeat('a', 64), 1000)`);
  await handMadeBooks(pool).payment({ status: 'confirmed', blockHeight: 996 });
  await pool.query('update incoming_payments set required_confirmations = 6');
});

const told = (type: string, inclusion: number): string => `
  insert into outbox (type, event_key, data)
  select '${type}', '${type}:' || tx_hash || '#' || output_index || ':${inclusion}', '{}' from incoming_payments`;

test.each([
  ['in its block', 'select 1', 5],
  ['counted from a ledger', `update incoming_payments set ${BEFORE}, counted_from = 998`, 3],
  ['told of otherwise', told('payment.detected', 1), 5],
  ['told to be confirmed in another inclusion', told('payment.confirmed', 2), 5],
])('a payment that is confirmed too early, %s, is found', async (_, sql, confirmations) => {
  await pool.query(sql);
  expect(await checkConfirmations(pool, 10)).toMatchObject({
    count: 1,
    shown: [{ userId: 'ann', confirmations, requiredConfirmations: 6 }],
  });
});

test.each([
  ['is deep enough', 'update incoming_payments set block_height = 995'],
  ['counts from deep enough', `update incoming_payments set ${BEFORE}, counted_from = 995`],
  ['was told to be confirmed', told('payment.confirmed', 1)],
  ['is pending', "update incoming_payments set status = 'pending'"],
  ['stands above the cursor', `update incoming_payments set block_height = ${2n ** 63n - 1n}`],
  ['stands below the chain', `update incoming_payments set block_height = ${-(2n ** 63n)}`],
  ['is in a partition that nobody follows', 'update incoming_payments set partition_id = 1'],
])('one that %s is not', async (_, sql) => {
  await pool.query(sql);
  expect(await checkConfirmations(pool, 10)).toEqual({ count: 0, shown: [] });
});
