import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import type { Lovelace } from '../../chain/block.js';
import { inTransaction } from '../../database/transaction.js';
import { includeMissed } from './missed-inclusions.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const hash = (of: number): string => of.toString(16).padStart(64, '0');

await pool.query(`
  insert into sync_state (partition_id, total_partitions, network)
  values (0, 2, 'preview'), (1, 2, 'preview')`);
await pool.query(
  'insert into blocks (partition_id, height, slot, hash) values (0, 5, 50, $1), (1, 5, 51, $2)',
  [hash(10), hash(11)],
);

test.each([0, 1])(
  'a spend that was missed is in the block that partition %i has',
  async (partitionId) => {
    const spender = hash(20 + partitionId);
    await pool.query('insert into payout_transactions (tx_hash, fee_lovelace) values ($1, 0)', [
      spender,
    ]);
    const reference = `${hash(1)}#0`;
    const onChain = {
      reference,
      address: 'wallet',
      lovelace: 1n as Lovelace,
      assets: new Map(),
      hasScript: false,
      placement: null,
      spent: { txHash: spender, height: 5 },
    };
    await inTransaction(pool, (tx) =>
      includeMissed(tx, new Date(), partitionId, [
        { reference, kind: 'wallet', isRecorded: true, onChain },
      ]),
    );
    const { rows } = await pool.query(
      'select block_hash as hash, slot::int from payout_transactions where tx_hash = $1',
      [spender],
    );
    expect(rows).toEqual([{ hash: hash(10 + partitionId), slot: 50 + partitionId }]);
  },
);
