import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { inTransaction, type Queryable } from '../../database/transaction.js';
import { recompute, rewriteDigests } from '../../payments/digest/recompute.js';
import { differingBlocks } from './proof.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const BLOCKS = 10_002;
const FILL = `
  with address as (
    insert into payment_addresses (address, partition_id, user_id) values ('a', 0, 'ann')
  )
  insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status, block_hash,
                                 block_height, slot)
  select encode(sha256(n::text::bytea), 'hex'), 0, 'a', 'ann', n, 'confirmed', repeat('b', 64), n, n * 20
    from generate_series(1, $1::int) n`;
const CHANGED = [1, 5_000, 5_001, BLOCKS - 1];
const GONE = BLOCKS;

test('blocks that differ are found among any number, of which the database is asked in slices', async () => {
  await pool.query(FILL, [BLOCKS]);
  await inTransaction(pool, (tx) => rewriteDigests(tx, 0, 0));
  const change =
    'update incoming_payments set amount_lovelace = 77777 where block_height = any($1::bigint[])';
  await pool.query(change, [CHANGED]);
  await pool.query('delete from incoming_payments where block_height = $1', [GONE]);
  const asked: number[] = [];
  const counting: Queryable = {
    query: (text, values = []) => {
      asked.push(...values.map((value) => (Array.isArray(value) ? value.length : 1)));
      return pool.query(text, values);
    },
  };
  const heights = Array.from({ length: BLOCKS + 5 }, (_, n) => n);

  const differing = await differingBlocks(counting, 0, [...heights, ...heights]);

  const expected = new Map([[GONE, { facts: 0, sum: 0n }]]);
  const all = { above: -1, upTo: BLOCKS };
  for await (const { height, ...sum } of recompute(pool, 0, all)) {
    if (CHANGED.includes(height)) expected.set(height, sum);
  }
  expect(expected.size).toBe(CHANGED.length + 1);
  expect(differing).toEqual(expected);
  expect(Math.max(...asked)).toBeLessThanOrEqual(5_000);
});
