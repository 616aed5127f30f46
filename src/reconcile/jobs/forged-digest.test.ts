import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openWorker } from '../../../test/support/following.js';
import { linkAbove } from '../../../test/support/forged-digests.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { booksOf, endOf } from '../../../test/support/rebuilding.js';
import { followedBooks, reconcileFully } from '../../../test/support/reconciling.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { checkDigest } from '../../payments/digest/check-digest.js';
import { type JobRequest, requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

/** The same leader does one after the other. */
function leading(database: TestDatabase) {
  const { pool } = database;
  const hotWallet = net.chain.faucet;
  const worker = openWorker(database, net, { hotWallet, leading: [provingJobs(net)] });
  onTestFinished(worker.stop);
  const ended = async (asked: Pick<JobRequest, 'kind' | 'params'>) => {
    const id = await requestJob(pool, { ...asked, partitionId: 0, requestedBy: 'zoe' });
    const job = await endOf(pool, id);
    expect(job).toMatchObject({ state: 'done' });
    return job.result;
  };
  return {
    repair: (addresses: readonly string[] | null = null) =>
      ended({ kind: 'repair', params: { addresses } }),
    rebuild: () => ended({ kind: 'rebuild', params: { from: 'origin', dryRun: false } }),
  };
}

/** Of the blocks that brought anything, the one in the middle. */
const MIDDLE = `
  select height from state_digests order by height
   offset (select count(*) / 2 from state_digests) limit 1`;
const AUDITED = `
  select actor, details->'stretches'->0->>'rows' as rows from audit_log where action = 'digest.corrected'`;

const digestsOf = async (pool: Pool): Promise<readonly string[]> =>
  (await booksOf(pool)).filter((line) => line.startsWith('digest '));

describe('a digest that another hand changed in the middle', () => {
  test.each([
    ['lacks a row', `delete from state_digests where height = (${MIDDLE})`],
    ['counts otherwise', `update state_digests set facts = facts + 1 where height = (${MIDDLE})`],
    [
      'sums up otherwise',
      `update state_digests set facts_sum = repeat('ab', 32) where height = (${MIDDLE})`,
    ],
    [
      'has another value',
      `update state_digests set digest = repeat('ab', 32) where height = (${MIDDLE})`,
    ],
    [
      'was all rewritten in one row',
      `update state_digests set facts = 7, facts_sum = repeat('ab', 32), digest = repeat('cd', 32)
        where height = (${MIDDLE})`,
    ],
    [
      'has a row of a block that brought nothing',
      `insert into state_digests
       select 0, h, 1, repeat('ab', 32), repeat('cd', 32) from generate_series(1, 1000) h
        where h > (${MIDDLE}) and h not in (select height from state_digests) limit 1`,
    ],
  ])('and that %s is healed in that row alone', async (_what, forge) => {
    const database = await copyBooks();
    const { pool } = database;
    const before = await booksOf(pool);
    expect((await pool.query(forge)).rowCount).toBe(1);

    const { repair } = leading(database);
    expect(await repair()).toMatchObject({ open: 0, left: [], problem: null, digests: 1 });
    expect(await booksOf(pool)).toEqual(before);
    expect((await pool.query(AUDITED)).rows).toEqual([{ actor: 'zoe', rows: '1' }]);
    expect((await reconcileFully(pool, net)).problem).toBeNull();
  });

  test('is healed where the row of a payment was changed as well', async () => {
    const database = await copyBooks();
    const { pool } = database;
    const before = await booksOf(pool);
    await pool.query(
      `update incoming_payments set amount_lovelace = 1 where block_height = (${MIDDLE})`,
    );
    await pool.query(`delete from state_digests where height = (${MIDDLE})`);
    expect(await leading(database).repair()).toMatchObject({ open: 0, problem: null });
    expect(await booksOf(pool)).toEqual(before);
  });
});

/** Takes a row away and links so many rows above it to the one below. */
async function linkedWithout(pool: Pool, rows?: number): Promise<void> {
  const gone = await pool.query<{ height: number }>(
    `delete from state_digests where height = (${MIDDLE}) returning height::int`,
  );
  expect(gone.rowCount).toBe(1);
  for (const { height } of gone.rows) await linkAbove(pool, height, rows);
}

test('rows above that were linked to it anew are healed with it where the next ones prove them', async () => {
  const database = await copyBooks();
  const { pool } = database;
  const before = await booksOf(pool);
  await linkedWithout(pool, 1);
  expect(await leading(database).repair()).toMatchObject({ problem: null, digests: 2 });
  expect(await booksOf(pool)).toEqual(before);
});

test.each([
  [
    'the newest row',
    'delete from state_digests where height = (select max(height) from state_digests)',
  ],
  ['all of it', 'delete from state_digests'],
])('a digest that lacks %s is left to a rebuild, as nothing proves it', async (_what, forge) => {
  const database = await copyBooks();
  const { pool } = database;
  const before = await booksOf(pool);
  await pool.query(forge);
  const forged = await digestsOf(pool);
  const { repair, rebuild } = leading(database);
  expect((await repair())?.problem).toContain('`teller rebuild --from origin`');
  expect(await digestsOf(pool)).toEqual(forged);
  await rebuild();
  expect(await booksOf(pool)).toEqual(before);
});

test('above a break that nothing proves no other one is touched', async () => {
  const database = await copyBooks();
  const { pool } = database;
  const before = await booksOf(pool);
  await linkedWithout(pool);
  await pool.query(
    `update state_digests set digest = repeat('ab', 32)
      where height = (select max(height) from state_digests)`,
  );
  const forged = await digestsOf(pool);
  const { repair, rebuild } = leading(database);
  expect((await repair())?.problem).toContain('`teller rebuild --from origin`');
  expect(await digestsOf(pool)).toEqual(forged);
  expect((await checkDigest(pool, 0)).differing).toHaveLength(2);
  await rebuild();
  expect(await booksOf(pool)).toEqual(before);
});
