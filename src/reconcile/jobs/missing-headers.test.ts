import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { openWorker, viewOf } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { endOf } from '../../../test/support/rebuilding.js';
import { followedBooks, reconcileFully } from '../../../test/support/reconciling.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { type ChainView, PlaceUnknown } from '../../sync/chain-view.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

type Line = { line: string };
const headersOf = async (pool: Pool): Promise<string[]> =>
  (
    await pool.query<Line>('select to_jsonb(b)::text as line from blocks b order by height')
  ).rows.map(({ line }) => line);

/** By whoever leads, on a chain that stands still. */
async function repair(database: TestDatabase, chain: ChainView = viewOf(net)) {
  const hotWallet = net.chain.faucet;
  const worker = openWorker(database, net, { hotWallet, leading: [provingJobs(net, { chain })] });
  onTestFinished(worker.stop);
  const asked = { partitionId: 0, kind: 'repair', params: {}, requestedBy: 'zoe' } as const;
  const job = await endOf(database.pool, await requestJob(database.pool, asked));
  await worker.stop();
  return job;
}

const AUDITED = `
  select actor, entity_type as type, details ->> 'restored' as restored, details ->> 'removedCount' as removed
    from audit_log where action = 'headers.restored'`;

const BELOW_CURSOR = 'delete from blocks where height < (select last_block_height from sync_state)';
const SOME = 'height between 10 and 14';

describe.each<[what: string, change: string, restored: string, removed: string]>([
  ['were deleted in the middle', `delete from blocks where ${SOME}`, '5', '0'],
  ['were deleted here and there', 'delete from blocks where height in (3, 7, 8, 11)', '4', '0'],
  ['got other hashes', `update blocks set hash = md5(hash) || md5(hash) where ${SOME}`, '5', '5'],
  ['got other ancestors', `update blocks set ancestor = repeat('ab', 32) where ${SOME}`, '5', '5'],
  ['stand on nothing', `update blocks set ancestor = null where ${SOME}`, '5', '5'],
  [
    'were deleted, and made up below',
    `delete from blocks where ${SOME};
     insert into blocks values (0, 10, 1, repeat('ab', 32), null, false)`,
    '5',
    '1',
  ],
])('where headers %s', (_what, change, restored, removed) => {
  test('a reconciliation tells of it, and a repair reads them again', async () => {
    const database = await copyBooks();
    const { pool } = database;
    const before = await headersOf(pool);
    await pool.query(change);
    const { findings, problem } = await reconcileFully(pool, net);
    expect(findings).toEqual([]);
    expect(problem).toContain('another hand changed blocks: headers from height ');

    const job = await repair(database);
    expect(job).toMatchObject({ state: 'done', problem: null });
    expect(job.result).toMatchObject({ headers: Number(restored), left: [], problem: null });
    expect(await headersOf(pool)).toEqual(before);
    const audited = { actor: 'zoe', type: 'blocks', restored, removed };
    expect((await pool.query(AUDITED)).rows).toEqual([audited]);
    expect((await reconcileFully(pool, net)).problem).toBeNull();
  });
});

test.each([
  ['at the origin', () => 'origin' as const],
  ['at a point', () => net.chain.blocks().at(-12)],
])('headers of books that begin %s are found missing down to there', async (_what, from) => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { pool } = database;
  const block = from();
  const startPoint = typeof block === 'object' ? { slot: block.slot, id: block.id } : 'origin';
  const worker = openWorker(database, net, { startPoint });
  const tip = net.chain.blocks().at(-1)?.id;
  await vi.waitFor(
    async () => {
      const { rows } = await pool.query('select last_block_hash as tip from sync_state');
      expect(rows).toEqual([{ tip }]);
    },
    { timeout: 20_000, interval: 20 },
  );
  await worker.stop();
  const before = await headersOf(pool);
  await pool.query(BELOW_CURSOR);
  expect((await reconcileFully(pool, net)).problem).toContain('headers from height');
  expect((await repair(database)).result).toMatchObject({ headers: before.length - 1 });
  expect(await headersOf(pool)).toEqual(before);
});

describe('headers stay missing, and a repair says why', () => {
  const real = viewOf(net);
  test.each<[string, ChainView['read'], string]>([
    [
      'where the node knows nothing below them',
      () => {
        throw new PlaceUnknown('the node knows none of the places');
      },
      'the node knows no block near below them that the books tell of',
    ],
    [
      'where the node is behind',
      async function* (offered, signal) {
        const tip = net.chain.blocks().at(-5);
        if (tip === undefined) throw new Error('there are more blocks');
        const { slot, id, height } = tip;
        for await (const reading of real.read(offered, signal)) {
          yield { ...reading, tip: { slot, id, height } };
        }
        throw new Error('a chain goes on for ever');
      },
      'the node is behind the books: run it again once it has caught up',
    ],
    [
      'where the chain forks meanwhile',
      async function* (offered, signal) {
        for await (const reading of real.read(offered, signal)) {
          yield reading;
          yield { ...reading, type: 'backward', point: 'origin' };
        }
        throw new Error('a chain goes on for ever');
      },
      'the chain forked meanwhile: run it again',
    ],
  ])('%s', async (_what, read, says) => {
    const database = await copyBooks();
    const { pool } = database;
    await pool.query(BELOW_CURSOR);
    const before = await headersOf(pool);
    const job = await repair(database, { ...real, read });
    expect(job).toMatchObject({ state: 'done', result: { headers: 0 } });
    expect(job.result?.problem).toContain(says);
    expect(await headersOf(pool)).toEqual(before);
    expect((await pool.query(AUDITED)).rows).toEqual([]);
  });
});

/** A difference that blocks must explain, and no header of that block. */
const CHANGE_WITH_HEADER = `
  with changed as (
    update incoming_payments set amount_lovelace = 7 where (tx_hash, output_index) = (
      select tx_hash, output_index from incoming_payments
       where spent_by is not null and status = 'confirmed' and block_height is not null limit 1)
    returning block_height)
  delete from blocks b using changed c where b.height = c.block_height`;

test('a block of which no header is kept is no fork: a reconciliation that needs it says what to do', async () => {
  const { pool } = await copyBooks();
  expect((await pool.query(CHANGE_WITH_HEADER)).rowCount).toBe(1);
  await expect(reconcileFully(pool, net)).rejects.toThrow(
    '`teller reconcile --repair` reads headers again',
  );
});

test('a repair that needs a header that can’t be read says why it can’t', async () => {
  const database = await copyBooks();
  expect((await database.pool.query(CHANGE_WITH_HEADER)).rowCount).toBe(1);
  const real = viewOf(net);
  const [lowest] = net.chain.blocks();
  if (lowest === undefined) throw new Error('a chain has blocks');
  const { slot, id, height } = lowest;
  const job = await repair(database, {
    ...real,
    read: async function* (offered, signal) {
      for await (const reading of real.read(offered, signal)) {
        yield { ...reading, tip: { slot, id, height } };
      }
      throw new Error('a chain goes on for ever');
    },
  });
  expect(job).toMatchObject({ state: 'failed' });
  expect(job.problem).toContain('the node is behind the books: run it again once it has caught up');
  expect(job.problem).not.toContain('--repair');
});

test('a fork below the headers that were deleted is followed after a repair', async () => {
  const database = await copyBooks();
  const { pool } = database;
  await pool.query(BELOW_CURSOR);
  await repair(database);
  net.fork(4);
  const worker = openWorker(database, net, { hotWallet: net.chain.faucet });
  onTestFinished(worker.stop);
  await vi.waitFor(
    async () => {
      const { rows } = await pool.query('select last_block_hash as tip from sync_state');
      expect(rows).toEqual([{ tip: net.chain.blocks().at(-1)?.id }]);
    },
    { timeout: 20_000, interval: 20 },
  );
  await worker.stop();
  expect(await reconcileFully(pool, net)).toMatchObject({ findings: [], problem: null });
});
