import { expect, test } from 'vitest';
import { longAddress } from '../../test/support/addresses.js';
import { serveInTests } from '../../test/support/http.js';
import { paymentView } from './schemas.js';

const { under, get } = serveInTests();
const TX = 'd'.repeat(64);

test('a backfilled payment has no block, and confirmations from where the ledger told of it', async () => {
  const { pool } = under.database;
  await pool.query(
    `insert into sync_state (partition_id, total_partitions, network, started,
                             last_slot, last_block_hash, last_block_height)
     values (0, 1, 'preprod', true, 1000, repeat('a', 64), 107)
     on conflict (partition_id) do update
        set last_slot = 1000, last_block_hash = repeat('a', 64), last_block_height = 107`,
  );
  await pool.query(
    'insert into payment_addresses (address, partition_id, user_id) values ($1, 0, $2)',
    [longAddress(1), 'ann'],
  );
  await pool.query(
    `insert into incoming_payments
       (tx_hash, output_index, address, user_id, amount_lovelace, status, required_confirmations,
        counted_from)
     values ($1, 3, $2, 'ann', 5000000, 'pending', 15, 100)`,
    [TX, longAddress(1)],
  );
  const { body } = await get(`/v1/payments/${TX}/3`);
  expect(paymentView.parse(body)).toMatchObject({
    status: 'pending',
    confirmations: 8,
    requiredConfirmations: 15,
    blockHash: null,
    blockHeight: null,
    slot: null,
  });
  const listed = await get(`/v1/payments?status=pending&address=${longAddress(1)}`);
  expect(listed.body).toMatchObject({ items: [body] });
});
