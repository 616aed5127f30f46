import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { outputReference } from '../../chain/block.js';
import { recordedAmong } from './recorded-queries.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

test('what was spent above the height of the comparison is unspent there', async () => {
  const txHash = 'a'.repeat(64);
  await pool.query(
    `insert into wallet_outputs (tx_hash, output_index, partition_id, address, amount_lovelace, block_hash,
                                 block_height, slot, spent_by, spent_height)
     values ($1, 0, 0, 'hot wallet', 5, repeat('c', 64), 5, 100, repeat('b', 64), 9)`,
    [txHash],
  );
  const spentAt = async (height: number) => {
    const [row] = await recordedAmong(pool, 0, height, [outputReference(txHash, 0)]);
    return row?.spent;
  };
  expect(await spentAt(8)).toBeNull();
  expect(await spentAt(9)).toEqual({ txHash: 'b'.repeat(64), height: 9 });
});
