import type { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { openWorker } from '../../../test/support/following.js';
import { linkAbove } from '../../../test/support/forged-digests.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { booksOf, endOf } from '../../../test/support/rebuilding.js';
import {
  DAVE,
  followedBooks,
  reconcileFully,
  startWorker,
} from '../../../test/support/reconciling.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { inTransaction } from '../../database/transaction.js';
import { checkDigest } from '../../payments/digest/check-digest.js';
import { rewriteDigests } from '../../payments/digest/recompute.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

const repair = (database: TestDatabase, addresses: readonly string[] | null) =>
  resultOf(database, { kind: 'repair', params: { addresses } });
const rebuild = (database: TestDatabase) =>
  resultOf(database, { kind: 'rebuild', params: { from: 'origin', dryRun: false } });

async function resultOf(
  database: TestDatabase,
  { kind, params }: Pick<Parameters<typeof requestJob>[1], 'kind' | 'params'>,
) {
  const hotWallet = net.chain.faucet;
  const worker = openWorker(database, net, { hotWallet, leading: [provingJobs(net)] });
  onTestFinished(worker.stop);
  const asked = { partitionId: 0, kind, params, requestedBy: 'test' };
  const job = await endOf(database.pool, await requestJob(database.pool, asked));
  await worker.stop();
  expect(job).toMatchObject({ state: 'done' });
  return job.result;
}

const LOSE_LAST = `
  delete from incoming_payments where (tx_hash, output_index) = (
    select tx_hash, output_index from incoming_payments
     where spent_by is null and status <> 'rolled_back' and block_height is not null and user_id = 'ann'
     order by block_height desc, tx_hash limit 1) returning address, block_height::int as lost`;
const BREAK_FIRST = `
  with broken as (
    update state_digests set digest = repeat('ab', 32)
     where height = (select min(height) from state_digests) returning height)
  select height::int as height from broken`;

/** A payment that was missed above a link of the digest that another hand broke, so that no row above proves it. */
async function missedAbove(pool: Pool) {
  const { rows } = await pool.query<{ address: string; lost: number }>(LOSE_LAST);
  await inTransaction(pool, (tx) => rewriteDigests(tx, 0, 0));
  const { rows: broken } = await pool.query<{ height: number }>(BREAK_FIRST);
  for (const { height } of broken) await linkAbove(pool, height);
  const { address = '', lost = 0 } = rows[0] ?? {};
  return { address, lost, broken: broken[0]?.height ?? 0 };
}

const SPOIL_OWNER = `
  update payment_addresses set user_id = 'eve' where address = $1`;
const RETURN_OWNER = `
  update payment_addresses set user_id = 'dave' where address = $1`;

test.each([
  ['of its address alone', false],
  ['that must leave something open', true],
])(
  'a payment that is put back above a broken link is part of the digest after a repair %s',
  async (_what, isDisputed) => {
    const database = await copyBooks();
    const { pool } = database;
    const before = await booksOf(pool);
    const { address, lost, broken } = await missedAbove(pool);
    if (isDisputed) await pool.query(SPOIL_OWNER, [DAVE]);
    expect(await repair(database, isDisputed ? null : [address])).toMatchObject({
      repaired: 1,
      open: isDisputed ? 1 : 0,
    });
    // What nobody proved stays told, and nothing else differs.
    const { differing, firstDifference } = await checkDigest(pool, 0);
    expect(firstDifference).toEqual({ height: broken });
    expect(differing).toHaveLength(1);
    expect(differing[0]?.upTo).toBeLessThan(lost);

    if (isDisputed) await pool.query(RETURN_OWNER, [DAVE]);
    expect(await repair(database, null)).toMatchObject({ open: 0, problem: null });
    expect(await booksOf(pool)).toEqual(before);
    expect((await reconcileFully(pool, net)).problem).toBeNull();
  },
);

const INVENT_LAST = `
  insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status, block_hash,
                                 block_height, slot, tx_position)
  select repeat('e7', 32), 0, '${DAVE}', 'dave', 7000000, 'ignored', hash, height, slot, 0 from blocks
   where height > (select max(height) from state_digests) order by height limit 1
  returning block_height::int as height`;
const BREAK_LAST = `
  update state_digests set digest = repeat('ab', 32) where height = (select max(height) from state_digests)`;

/** A payment in a block that brought nothing, above all that brought something. */
async function inventLast(database: TestDatabase): Promise<number> {
  const worker = startWorker(database, net);
  for (;;) {
    await worker.untilAtTip();
    const { rows } = await database.pool.query<{ height: number }>(INVENT_LAST);
    const [invented] = rows;
    if (invented === undefined) net.mine();
    else {
      await worker.stop();
      return invented.height;
    }
  }
}

test('a broken link at the end of the digest is told until a rebuild, though its block brought nothing', async () => {
  const database = await copyBooks();
  const { pool } = database;
  const height = await inventLast(database);
  await inTransaction(pool, (tx) => rewriteDigests(tx, 0, 0));
  expect((await pool.query(BREAK_LAST)).rowCount).toBe(1);
  expect(await repair(database, [DAVE])).toMatchObject({ repaired: 1, open: 0 });
  expect((await checkDigest(pool, 0)).firstDifference).toEqual({ height });
  const again = await repair(database, null);
  expect(again).toMatchObject({ found: 0 });
  expect(again?.problem).toContain('teller rebuild');
  expect(await rebuild(database)).toMatchObject({ open: 0, left: [] });
  expect((await reconcileFully(pool, net)).problem).toBeNull();
});
