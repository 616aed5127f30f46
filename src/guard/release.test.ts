import { afterAll, expect, test, vi } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { inTransaction } from '../database/transaction.js';
import { withTrouble } from './reasons.js';
import { releaseGuard } from './release.js';

const database = await createTestDatabase();
afterAll(() => database.drop());

const ROLLBACK = { kind: 'rollback', common: 9, depth: 40 } as const;

test('a release waits for the block that is being applied, which confirms nothing any more', async () => {
  const { pool } = database;
  await pool.query(
    `insert into sync_state (partition_id, total_partitions, network, started, last_slot, last_block_hash,
                             last_block_height)
     values (0, 1, 'preprod', true, 24, repeat('a', 64), 24)`,
  );
  await pool.query(
    'insert into chain_guard (partition_id, held_at, reasons) values (0, now(), $1)',
    [JSON.stringify(withTrouble([], ROLLBACK, '2026-01-01T00:00:00.000Z'))],
  );
  let released = false;
  const release = await inTransaction(pool, async (tx) => {
    await tx.query('update sync_state set last_block_height = 25');
    const releasing = releaseGuard(pool, 0, 'operator:ann', 'ours won').finally(() => {
      released = true;
    });
    await vi.waitFor(async () => {
      const { rows } = await pool.query('select 1 from pg_locks where not granted');
      expect(rows).not.toEqual([]);
    });
    expect(released).toBe(false);
    return { releasing };
  });
  expect(await release.releasing).toMatchObject({ changed: true });
  const { rows } = await pool.query(
    'select held_at, held_up_to::int as "heldUpTo" from chain_guard',
  );
  expect(rows).toEqual([{ held_at: null, heldUpTo: 25 }]);
});
