import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { inTransaction } from '../../database/transaction.js';
import { deleteHeadersAbove, pruneHeaders } from '../../sync/queries.js';
import { readBooks } from './chain-queries.js';

const K = 2_160;
const FIRST = 9_900;
const TIP = 12_300;
const slotAt = (height: number): number => height * 20;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(
    `insert into sync_state (partition_id, total_partitions, network) values (0, 1, 'preprod')`,
  );
  await database.pool.query(
    `insert into blocks (partition_id, hash, height, slot)
     select 0, lpad(to_hex(h), 64, '0'), h, h * 20 from generate_series($1::bigint, $2::bigint) as h`,
    [FIRST, TIP],
  );
  await standAt(TIP);
});
afterAll(() => database.drop());

async function standAt(height: number): Promise<void> {
  await database.pool.query(
    `update sync_state set last_slot = $1::bigint * 20, last_block_height = $1,
            last_block_hash = lpad(to_hex($1::bigint), 64, '0')`,
    [height],
  );
}

const deepSlot = async (): Promise<number | null | undefined> =>
  (await readBooks(database.pool, 0, K))?.deepSlot;

test('the block k below is known also after a rollback right after headers were pruned', async () => {
  // As the follower does it at every hundredth block.
  await inTransaction(database.pool, (tx) => pruneHeaders(tx, 0, TIP - K, 1_000));
  expect(await deepSlot()).toBe(slotAt(TIP - K));
  await inTransaction(database.pool, (tx) =>
    deleteHeadersAbove(tx, 0, { height: TIP - 1, hash: '' }),
  );
  await standAt(TIP - 1);
  // Not the lowest header that is kept, which is less deep, but the checkpoint below.
  expect(await deepSlot()).toBe(slotAt(10_000));
});

test('none is known where the chain that was followed is shorter', async () => {
  await standAt(10_000 + K - 1);
  expect(await deepSlot()).toBeNull();
});
