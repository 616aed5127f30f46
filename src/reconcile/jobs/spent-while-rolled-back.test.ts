import type { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { ADA } from '../../../test/support/follow.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { askRebuild, endOf } from '../../../test/support/rebuilding.js';
import { ANN, register, startWorker } from '../../../test/support/reconciling.js';
import { startDevnet } from '../../devnet/server.js';
import { verifyBooks } from '../verify/verify-books.js';
import { requestJob } from './job-queries.js';

const [ADDRESS = ''] = ANN;
const ROLLED_BACK_BY_HAND = `
  update incoming_payments
     set status = 'rolled_back', block_hash = null, block_height = null, slot = null, tx_position = null,
         confirmed_at = null`;

/**
 * A confirmed payment is said to be rolled back, and a block spends it. Seen from the row it was there
 * before its address was, which doesn't count.
 */
async function world() {
  const database = await createTestDatabase();
  const net = await startDevnet({ seed: 9, blocks: 3, random: false });
  const { pool } = database;
  await register(pool, 'ann', [ADDRESS]);
  const worker = startWorker(database, net, { leading: [provingJobs(net)] });
  onTestFinished(async () => {
    await worker.stop();
    await net.close();
    await database.drop();
  });
  await worker.untilAtTip();
  const { transaction } = net.payNow({ address: ADDRESS, lovelace: 7n * ADA });
  for (let block = 0; block < 12; block += 1) net.mine();
  await worker.untilAtTip();
  expect((await pool.query(ROLLED_BACK_BY_HAND)).rowCount).toBe(1);
  net.spend([`${transaction.id}#0`]);
  net.mine();
  await worker.untilAtTip();
  expect(
    (await pool.query('select status, block_height, inclusion from incoming_payments')).rows,
  ).toEqual([{ status: 'ignored', block_height: null, inclusion: 2 }]);
  return { pool };
}

const REPAIR = {
  partitionId: 0,
  kind: 'repair',
  params: { addresses: null },
  requestedBy: 'test',
} as const;
const HEALERS: Readonly<Record<string, (pool: Pool) => Promise<string>>> = {
  repair: (pool) => requestJob(pool, REPAIR),
  rebuild: (pool) => askRebuild(pool, { from: 'origin' }),
};
const BOOKED = `
  select (select available::text from user_balances where user_id = 'ann' and unit = 'lovelace') as available,
         status, block_height is not null as placed, spent_by is not null as spent from incoming_payments`;

test.each(Object.keys(HEALERS))('a %s makes it count again', async (healer) => {
  const { pool } = await world();
  const job = await HEALERS[healer]?.(pool);
  expect(await endOf(pool, job ?? '')).toMatchObject({
    state: 'done',
    result: { open: 0, left: [] },
  });
  expect((await pool.query(BOOKED)).rows).toEqual([
    { available: `${7n * ADA}`, status: 'confirmed', placed: true, spent: true },
  ]);
  expect((await verifyBooks(pool)).totalMismatches).toBe(0);
});

test('a repair of its address takes nothing back and says what to do', async () => {
  const { pool } = await world();
  const there = { ...REPAIR, params: { addresses: [ADDRESS] } };
  expect(await endOf(pool, await requestJob(pool, there))).toMatchObject({
    state: 'done',
    result: { open: 1 },
  });
  expect((await pool.query(BOOKED)).rows).toMatchObject([{ available: `${7n * ADA}` }]);
  const { rows } = await pool.query<{ reason: string }>(
    'select reason from reconciliation_discrepancies',
  );
  expect(rows.map(({ reason }) => reason)).toEqual([
    expect.stringContaining('a rebuild reads which block made it'),
  ]);
});
