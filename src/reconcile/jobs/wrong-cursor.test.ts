import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { askRebuild, booksOf } from '../../../test/support/rebuilding.js';
import { followedBooks, reconcileFully } from '../../../test/support/reconciling.js';
import { inTransaction } from '../../database/transaction.js';
import { readCursorProblem } from '../../payments/cursor/cursor-queries.js';
import type { Leadership } from '../../sync/leadership.js';
import { readCursor } from '../../sync/queries.js';
import { NotComparable } from '../runs/comparison-point.js';
import { readJob, requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

async function books(...changes: readonly string[]) {
  const database = await copyBooks();
  for (const sql of changes) await database.pool.query(sql);
  return database;
}

/** A leader under whom nothing is followed: the cursor stays as it was left. */
const standingStill = (pool: Pool, signal: AbortSignal): Leadership => ({
  pool,
  partitionId: 0,
  signal,
  write: (work) => inTransaction(pool, async (tx) => work(tx, new Date(), await readCursor(tx, 0))),
  learn: () => undefined,
});

/** Both kinds of jobs, until they have ended. */
async function work(pool: Pool) {
  const params = { addresses: null };
  const repair = { partitionId: 0, kind: 'repair', params, requestedBy: 'test' } as const;
  const ids = [await requestJob(pool, repair), await askRebuild(pool, { from: 'origin' })];
  const term = new AbortController();
  let ended = 0;
  const jobs = provingJobs(net, {
    observe: ({ type }) => {
      if (type === 'job_finished') ended += 1;
      if (ended === ids.length) term.abort(new Error('all have ended'));
    },
  });
  await jobs(standingStill(pool, AbortSignal.any([term.signal, AbortSignal.timeout(30_000)])));
  return Promise.all(ids.map((id) => readJob(pool, id)));
}

const NO_HEADERS = 'delete from blocks; delete from block_checkpoints';
const TO_ORIGIN = `
  update sync_state set last_block_hash = null, last_slot = null, last_block_height = null`;
const BACK = `
  update sync_state s set last_slot = b.slot, last_block_hash = b.hash, last_block_height = b.height
    from blocks b where b.height = s.last_block_height - 5 and not b.boundary`;

describe.each([
  ['is set to the origin', [TO_ORIGIN], 'the cursor is the origin, and the highest of blocks is '],
  [
    'is set to the origin, headers deleted',
    [TO_ORIGIN, NO_HEADERS],
    'the cursor is the origin, and outputs and state digest of block ',
  ],
  ['is set back', [BACK], ', and the highest of blocks is '],
  [
    'is set back with the headers',
    [BACK, 'delete from blocks where height > (select last_block_height from sync_state)'],
    ', and outputs and state digest of block ',
  ],
  [
    'gets another hash',
    [`update sync_state set last_block_hash = repeat('ab', 32)`],
    ', and the highest of blocks is ',
  ],
  [
    'gets another slot',
    ['update sync_state set last_slot = last_slot + 1'],
    ', and the highest of blocks is ',
  ],
  [
    'is raised by one',
    ['update sync_state set last_block_height = last_block_height + 1'],
    ', and the highest of blocks is ',
  ],
  [
    'is lowered by one',
    ['update sync_state set last_block_height = last_block_height - 1'],
    ', and the highest of blocks is ',
  ],
  [
    'is raised beyond all heights',
    ['update sync_state set last_block_height = 9223372036854775807'],
    "the cursor's height is 9223372036854775807, and no chain is that high",
  ],
  [
    'is deleted with its headers',
    [NO_HEADERS, 'delete from sync_state'],
    'there is no cursor, and blocks up to ',
  ],
])('where the cursor %s', (_what, changes, told) => {
  test('nothing is compared, repaired or rebuilt by it', async () => {
    const { pool } = await books(...changes);
    const before = await booksOf(pool);
    const refused = await reconcileFully(pool, net).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(NotComparable);
    expect(String(refused)).toContain(told);
    const jobs = await work(pool);
    expect(jobs.map((job) => job?.state)).toEqual(['failed', 'failed']);
    for (const job of jobs) expect(job?.problem).toContain(told);
    expect(await booksOf(pool)).toEqual(before);
    const runs = await pool.query('select 1 from reconciliation_runs');
    expect(runs.rows).toEqual([]);
  });
});

test.each([
  ['got another hash', `update sync_state set last_block_hash = repeat('ab', 32)`],
  ['got another slot', 'update sync_state set last_slot = last_slot + 1'],
  ['lost its header', 'delete from blocks where hash = (select last_block_hash from sync_state)'],
  ['was raised by one', 'update sync_state set last_block_height = last_block_height + 1'],
  ['was lowered by one', 'update sync_state set last_block_height = last_block_height - 1'],
  ['lost its height', 'update sync_state set last_block_height = null'],
  [
    'was raised beyond all heights',
    'update sync_state set last_block_height = 9223372036854775807',
  ],
])('a cursor that %s is set right by whoever follows, as is said', async (_what, change) => {
  const database = await books(change);
  const { pool } = database;
  expect(await readCursorProblem(pool, 0)).toMatchObject({ isMended: true });
  const worker = openWorker(database, net, { hotWallet: net.chain.faucet });
  onTestFinished(worker.stop);
  net.mine();
  await vi.waitFor(
    async () => {
      const cursor = await readCursor(pool, 0);
      expect(cursor?.height).toBe(net.chain.blocks().at(-1)?.height);
      expect(await readCursorProblem(pool, 0)).toBeNull();
    },
    { timeout: 20_000, interval: 20 },
  );
  expect((await reconcileFully(pool, net)).findings).toEqual([]);
});

describe('books are compared', () => {
  test.each<[string, readonly string[]]>([
    ['as they were left', []],
    [
      'where most headers are missing, of which is told beside',
      ['delete from blocks where height < (select last_block_height from sync_state)'],
    ],
    [
      'where a row claims a height above them',
      [
        `update incoming_payments set block_height = 999999 where (tx_hash, output_index) = (
           select tx_hash, output_index from incoming_payments
            where spent_by is null and status = 'confirmed' and block_height is not null limit 1)`,
      ],
    ],
    [
      'where somebody made up a digest above them',
      [`insert into state_digests values (0, 999999, 1, repeat('ab', 32), repeat('ab', 32))`],
    ],
  ])('%s', async (_what, changes) => {
    const { pool } = await books(...changes);
    expect(await readCursorProblem(pool, 0)).toBeNull();
    expect((await reconcileFully(pool, net)).matched).toBeGreaterThan(0);
  });

  test('not before a header is kept of the block they end with, though they can be rebuilt', async () => {
    const { pool } = await books(NO_HEADERS);
    await expect(reconcileFully(pool, net)).rejects.toThrow(
      'the books keep no header of the block that they end with',
    );
    expect(await readCursorProblem(pool, 0)).toBeNull();
  });
});

describe('a cursor is right', () => {
  test.each<[string, string]>([
    [
      'right after a boundary block',
      `with ebb as (
         insert into blocks (partition_id, height, slot, hash, ancestor, boundary)
         select 0, last_block_height, last_slot, repeat('eb', 32), last_block_hash, true from sync_state
         returning hash)
       update sync_state set last_block_hash = ebb.hash from ebb`,
    ],
    [
      'in a new database, with registrations of another one',
      `${NO_HEADERS}; delete from sync_state; delete from state_digests; delete from balance_transactions;
       delete from incoming_payments; delete from wallet_outputs; delete from wallet_backfills;
       update payment_addresses set watched_from = -1, backfilled_height = null`,
    ],
    [
      'at the origin, before the first block',
      `delete from blocks; delete from state_digests; ${TO_ORIGIN}`,
    ],
    [
      'at a start point of which nobody told the height',
      'delete from blocks; delete from state_digests; update sync_state set last_block_height = null',
    ],
  ])('%s', async (_what, change) => {
    const { pool } = await books('delete from block_checkpoints', change);
    expect(await readCursorProblem(pool, 0)).toBeNull();
  });

  test.each([
    ['the tip', () => 'tip' as const],
    ['a point', () => net.chain.blocks().at(-6)],
  ])('of a database that started at %s, whatever comes after it', async (_what, from) => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const block = from();
    const startPoint = typeof block === 'object' ? { slot: block.slot, id: block.id } : 'tip';
    const worker = openWorker(database, net, { startPoint });
    const untilAtTip = () =>
      vi.waitFor(
        async () => {
          const { rows } = await database.pool.query<{ hash: string }>(
            'select last_block_hash as hash from sync_state',
          );
          expect(rows[0]?.hash).toBe(net.chain.blocks().at(-1)?.id);
          expect(await readCursorProblem(database.pool, 0)).toBeNull();
        },
        { timeout: 20_000, interval: 20 },
      );
    await untilAtTip();
    net.fork(2);
    await untilAtTip();
    await worker.stop();
    expect((await reconcileFully(database.pool, net)).problem).toBeNull();
  });
});
