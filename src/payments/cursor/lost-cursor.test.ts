import { expect, onTestFinished, test, vi } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { devnet } from '../../../test/support/devnet.js';
import { NETWORK, openWorker, type WorkerWishes } from '../../../test/support/following.js';
import { booksOf } from '../../../test/support/rebuilding.js';
import { ANN, followedBooks, reconcileFully, register } from '../../../test/support/reconciling.js';
import { inTransaction } from '../../database/transaction.js';
import { logLines } from '../../health/log-events.js';
import { assessReadiness } from '../../health/readiness.js';
import { observeVitals, startingVitals } from '../../health/vitals.js';
import { watchAnew } from '../../reconcile/backup/restore-queries.js';
import type { SyncEvent } from '../../sync/events.js';
import { readCursor } from '../../sync/queries.js';
import type { PaymentsSummary } from '../payment.js';
import { readCursorProblem } from './cursor-queries.js';

const { net, copyBooks } = await followedBooks();

/** The real worker where a new database would start at the tip, and what its health and log tell. */
function runAt(database: Awaited<ReturnType<typeof copyBooks>>, wishes: WorkerWishes = {}) {
  let vitals = startingVitals(0);
  const events: SyncEvent<PaymentsSummary>[] = [];
  const worker = openWorker(database, net, {
    hotWallet: net.chain.faucet,
    startPoint: 'tip',
    ...wishes,
    observe: (event) => {
      vitals = observeVitals(vitals, event, 0);
      events.push(event);
    },
  });
  onTestFinished(worker.stop);
  const untilContradicted = (): Promise<unknown> =>
    vi.waitFor(() => expect(vitals.obstacle?.kind).toBe('books_contradict'), {
      timeout: 20_000,
      interval: 20,
    });
  const ready = () =>
    assessReadiness({ vitals, state: null, redis: 'not_configured', readyMaxLagBlocks: 100 });
  const obstacle = () => vitals.obstacle;
  const cursor = () => vitals.cursor;
  return { ...worker, events, untilContradicted, ready, obstacle, cursor };
}

const NO_HEADERS = 'delete from blocks; delete from block_checkpoints';
const NOT_STARTED = `
  update sync_state set started = false, last_slot = null, last_block_hash = null, last_block_height = null`;
const NO_FACTS = `
  delete from state_digests; delete from incoming_payments; delete from wallet_outputs; delete from wallet_backfills`;
const NOT_WATCHED = 'update payment_addresses set watched_from = -1, backfilled_height = null';
const NO_ENTRIES = 'delete from balance_transactions';

test.each<[string, readonly string[], string]>([
  [
    'deleted with its headers',
    [NO_HEADERS, 'delete from sync_state'],
    'there is no cursor, and blocks up to ',
  ],
  ['said to be in a new database', [NOT_STARTED], 'there is no cursor, and blocks up to '],
  [
    'said not to be chosen yet',
    ['update sync_state set started = false'],
    'there is no cursor, and blocks up to ',
  ],
  [
    'deleted with all but the ledger',
    [NO_HEADERS, 'delete from sync_state', NO_FACTS, NOT_WATCHED],
    'there is no cursor, and entries of payments are in the ledger',
  ],
  [
    'deleted with all but the registrations',
    [NO_HEADERS, 'delete from sync_state', NO_FACTS, NO_ENTRIES],
    'there is no cursor, and blocks up to ',
  ],
  [
    'said to be in a new database, where nothing else is left',
    [NO_HEADERS, NOT_STARTED, NO_FACTS, NO_ENTRIES, NOT_WATCHED],
    'there is no cursor, and these books have a start point already',
  ],
  [
    'set back with its headers',
    [
      `update sync_state s set last_slot = b.slot, last_block_hash = b.hash, last_block_height = b.height
         from blocks b where b.height = s.last_block_height - 5 and not b.boundary`,
      'delete from blocks where height > (select last_block_height from sync_state)',
    ],
    ', and outputs and state digest of block ',
  ],
  [
    'set to the origin',
    [
      'update sync_state set last_block_hash = null, last_slot = null, last_block_height = null',
      NO_HEADERS,
    ],
    'the cursor is the origin, and outputs and state digest of block ',
  ],
])(
  'where the cursor was %s, nothing is followed, and one line says so',
  async (_what, changes, told) => {
    const database = await copyBooks();
    for (const sql of changes) await database.pool.query(sql);
    const before = { books: await booksOf(database.pool), at: await readCursor(database.pool, 0) };
    const run = runAt(database);
    await run.untilContradicted();
    expect(run.ready()).toMatchObject({ status: 'not_ready', reason: 'books_contradict' });
    expect(run.obstacle()?.detail).toContain('another hand changed sync_state or blocks: ');
    expect(run.obstacle()?.detail).toContain(told);
    expect(run.obstacle()?.detail).toContain('restore the last backup');
    expect(run.obstacle()?.detail).not.toContain('--repair');
    const names = new Set(run.events.flatMap(logLines).map(({ fields }) => fields.event));
    expect([...names]).toEqual(['standby', 'leader_acquired', 'books_contradict']);
    expect(run.cursor()).toBeNull();
    expect(run.events.flatMap(logLines).at(-1)?.fields).not.toHaveProperty('cursor');
    // What the verb says that is asked to look or to repair.
    const verb = await reconcileFully(database.pool, net).catch(String);
    const advice = (text: unknown): string =>
      String(text).slice(String(text).indexOf('Stop every'));
    expect(`${advice(verb)}.`).toBe(advice(run.obstacle()?.detail));
    await run.stop();
    expect({ books: await booksOf(database.pool), at: await readCursor(database.pool, 0) }).toEqual(
      before,
    );
  },
);

test('a lost cursor that is put back is gone on from, without a restart', async () => {
  const database = await copyBooks();
  const { pool } = database;
  const columns = 'started, last_slot, last_block_hash, last_block_height';
  const { rows } = await pool.query<Record<string, unknown>>(`select ${columns} from sync_state`);
  await pool.query(NOT_STARTED);
  const run = runAt(database);
  await run.untilContradicted();
  await pool.query(
    `update sync_state set (${columns}) = ($1, $2, $3, $4)`,
    Object.values(rows[0] ?? {}),
  );
  net.mine();
  await vi.waitFor(() => expect(run.obstacle()).toBeNull(), { timeout: 20_000, interval: 20 });
  await run.stop();
  expect((await reconcileFully(pool, net)).findings).toEqual([]);
});

test.each([
  ['that only has registrations', () => Promise.resolve()],
  [
    'to which a backup brought the addresses of another',
    async (database: Awaited<ReturnType<typeof createTestDatabase>>) => {
      await database.pool.query(
        'update payment_addresses set watched_from = 900, backfilled_height = 950',
      );
      await inTransaction(database.pool, watchAnew);
    },
  ],
  [
    'that waits for its first term',
    async (database: Awaited<ReturnType<typeof createTestDatabase>>) => {
      await database.pool.query(
        'insert into sync_state (partition_id, total_partitions, network) values (0, 1, $1)',
        [NETWORK],
      );
    },
  ],
])('a database %s starts where it is asked to', async (_what, prepare) => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await register(database.pool, 'ann', ANN);
  await prepare(database);
  const run = runAt(database);
  await vi.waitFor(() => expect(run.ready().status).toBe('ready'), { timeout: 20_000 });
  await run.stop();
  expect((await readCursor(database.pool, 0))?.height).toBe(net.chain.blocks().at(-1)?.height);
});

test('entries of payments that a backup left out are no blocks of a partition beside theirs', async () => {
  const { pool } = await copyBooks();
  const begun = 'update sync_state set partition_id = 1, total_partitions = 2';
  for (const sql of [NO_HEADERS, NO_FACTS, NOT_WATCHED, begun]) await pool.query(sql);
  await pool.query(
    'insert into sync_state (partition_id, total_partitions, network) values (0, 2, $1)',
    [NETWORK],
  );
  expect(await readCursorProblem(pool, 0)).toBeNull();
  await pool.query('delete from sync_state where partition_id = 1');
  expect((await readCursorProblem(pool, 0))?.wrong).toContain('entries of payments');
});

test('a height that headers prove is set right with the next block, wherever the books began', async () => {
  const own = await devnet({ blocks: 3 });
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const first = openWorker(database, own, { startPoint: 'tip' });
  const height = async () => (await readCursor(database.pool, 0))?.height;
  const until = (wanted: number | undefined) =>
    vi.waitFor(async () => expect(await height()).toBe(wanted), { timeout: 20_000, interval: 20 });
  const tip = () => own.chain.blocks().at(-1)?.height;
  await until(tip());
  await first.stop();
  await database.pool.query('update sync_state set last_block_height = last_block_height + 7');
  onTestFinished(openWorker(database, own, { startPoint: 'tip' }).stop);
  own.mine();
  await until(tip());
});
