import { expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { linkAbove } from '../../../test/support/forged-digests.js';
import { inTransaction } from '../../database/transaction.js';
import { checkDigest } from '../../payments/digest/check-digest.js';
import { rewriteDigests } from '../../payments/digest/recompute.js';
import { mendDigest } from './mend-digest.js';

const FILL = `
  with address as (
    insert into payment_addresses (address, partition_id, user_id) values ('a', 0, 'ann')
  )
  insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status, block_hash,
                                 block_height, slot)
  select encode(sha256(n::text::bytea), 'hex'), 0, 'a', 'ann', 1, 'confirmed', repeat('b', 64), n, n * 20
    from unnest($1::int[]) n`;
const GONE = 2;
const AT = new Date(0);

test.each([
  ['rows up to 10,000 blocks above a missing one', 10_000, 3, 0],
  ['no rows farther above a missing one', 10_001, 0, 2],
])('%s are made again with it where they were linked anew', async (_what, between, rows, left) => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { pool } = database;
  const highest = GONE + between;
  await pool.query(FILL, [[1, GONE, 3, highest, highest + 1, highest + 2]]);
  await inTransaction(pool, (tx) => rewriteDigests(tx, 0, 0));
  await pool.query('delete from state_digests where height = $1', [GONE]);
  await linkAbove(pool, GONE, 2);

  const { differing } = await checkDigest(pool, 0);
  expect(differing).toEqual([
    { above: 1, upTo: GONE },
    { above: highest, upTo: highest + 1 },
  ]);
  const context = { partitionId: 0, actor: 'test', cause: 'test' };
  expect(await inTransaction(pool, (tx) => mendDigest(tx, AT, context, differing))).toBe(rows);
  expect((await checkDigest(pool, 0)).differing).toHaveLength(left);
});
