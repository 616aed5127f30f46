import type { Pool } from 'pg';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { copyTestDatabase, createTestDatabase } from '../../../test/support/database.js';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { booksOf } from '../../../test/support/rebuilding.js';
import { reconcileFully, register, startWorker } from '../../../test/support/reconciling.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { startDevnet } from '../../devnet/server.js';
import { followJob } from '../jobs/follow-job.js';
import { requestJob } from '../jobs/job-queries.js';

/** Both were paid, and spent from, long before they were registered; Fay asked for what she held then. */
const EVES = enterpriseAddress(50);
const FAYS = enterpriseAddress(51);

const original = await createTestDatabase();
const net = await startDevnet({ seed: 4, blocks: 1 });
afterAll(async () => {
  await net.close();
  await original.drop();
});
const HOT_WALLET = net.chain.faucet;

net.chain.watch([EVES, FAYS]);
const worker = startWorker(original, net);
await worker.untilAtTip();
for (let block = 0; block < 20; block += 1) net.mine();
await worker.untilAtTip();
await register(original.pool, 'eve', [EVES]);
await register(original.pool, 'fay', [FAYS], true);
for (let block = 0; block < 10; block += 1) net.mine();
await worker.untilAtTip();
// Both are watched from further back by that.
net.fork(12);
await worker.untilAtTip();
await worker.stop();

async function copyBooks(): Promise<TestDatabase> {
  const database = await copyTestDatabase(original.url);
  onTestFinished(() => database.drop());
  return database;
}

async function prove(
  database: TestDatabase,
  kind: 'repair' | 'rebuild',
  params: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const { pool } = database;
  const leading = [provingJobs(net)];
  const leader = openWorker(database, net, { hotWallet: HOT_WALLET, leading });
  const id = await requestJob(pool, { partitionId: 0, kind, params, requestedBy: 'test' });
  const job = await followJob(pool, id, () => undefined, AbortSignal.timeout(20_000));
  await leader.stop();
  expect(job).toMatchObject({ state: 'done' });
  return job.result;
}

async function beginnings(pool: Pool): Promise<unknown> {
  const { rows } = await pool.query(
    'select address, watched_from, backfill from payment_addresses order by address',
  );
  return rows;
}

/** The digest follows from the rest. */
const factsOf = async (pool: Pool): Promise<string[]> =>
  (await booksOf(pool)).filter((line) => !line.startsWith('digest'));

async function expectSame(pool: Pool, before: readonly string[]): Promise<void> {
  const after = await factsOf(pool);
  expect(after.filter((line) => !before.includes(line))).toEqual([]);
  expect(before.filter((line) => !after.includes(line))).toEqual([]);
}

const LOWERED = ['counts from further back', 'watched_from = 0'] as const;
const CHANGES = [
  LOWERED,
  ['counts from the start', 'watched_from = -1'],
  ['counts from nobody knows where', 'watched_from = null'],
  ['counts from where the books are', 'watched_from = (select last_block_height from sync_state)'],
  ['asked for its past, or not', 'backfill = not backfill'],
] as const;
const WAYS = [
  ['repair', { addresses: null }],
  ['repair', { addresses: [EVES, FAYS] }],
  ['rebuild', { from: 'origin', dryRun: false }],
] as const;

test('addresses that a rollback lets count from further back are as they must be', async () => {
  const { pool } = await copyBooks();
  expect(await reconcileFully(pool, net)).toMatchObject({ findings: [], problem: null });
  const { rows } = await pool.query(
    "select details from audit_log where action = 'addresses.watched_from_lowered'",
  );
  expect(rows).toMatchObject([{ details: { height: 18, addresses: 2 } }]);
});

describe.each(WAYS)('a %s of %j', (kind, params) => {
  test.each(CHANGES)(
    'books nothing by what another hand says of addresses: each %s',
    async (_, change) => {
      const database = await copyBooks();
      const { pool } = database;
      const [before, begun] = [await factsOf(pool), await beginnings(pool)];
      await pool.query(`update payment_addresses set ${change}`);
      expect(await prove(database, kind, params)).toMatchObject({ problem: null, open: 0 });
      await expectSame(pool, before);
      expect(await beginnings(pool)).toEqual(begun);
    },
  );
});

test('what is gone besides comes back with its block', async () => {
  const database = await copyBooks();
  const { pool } = database;
  const before = await factsOf(pool);
  await pool.query(`
    update payment_addresses set watched_from = (select last_block_height from sync_state);
    delete from incoming_payments where status <> 'ignored' and spent_by is null`);
  expect(await prove(database, 'repair', { addresses: null })).toMatchObject({ beginnings: 2 });
  await expectSame(pool, before);
});

describe('whoever only looks', () => {
  const COUNTS = /counts above block 0, and by the audit log above 18: .*--repair` sets it right/;
  const ASKS = /asks for its past, and by the audit log nobody did: .*--repair` sets it right/;
  const UNASKED = /was asked for at block 3, before it was watched: a person must set/;

  test.each([
    ['counts from further back', 'watched_from = 0', COUNTS],
    ['asked for its past', `backfill = true where user_id = 'eve'`, ASKS],
    ['was asked for its past before it was watched', 'backfilled_height = 3', UNASKED],
  ])('tells of an address of which another hand says that it %s', async (_, change, words) => {
    const database = await copyBooks();
    const { pool } = database;
    await pool.query(`update payment_addresses set ${change}`);
    const { problem, findings } = await reconcileFully(pool, net);
    expect(problem).toMatch(words);
    expect(findings.filter(({ unexplained }) => unexplained === null)).toEqual([]);
    const told = await prove(database, 'rebuild', { from: 'origin', dryRun: true });
    expect(told).toMatchObject({ problem: expect.stringMatching(words) as string });
  });

  test('shows the reason at each output that must not be booked by it', async () => {
    const { pool } = await copyBooks();
    await pool.query(`
      update payment_addresses set watched_from = 0 where user_id = 'eve';
      delete from incoming_payments where user_id = 'eve'`);
    const { findings } = await reconcileFully(pool, net);
    expect(findings.length).toBeGreaterThan(0);
    for (const { type, unexplained } of findings) {
      expect(type).toBe('missing_in_db');
      expect(unexplained).toMatch(COUNTS);
    }
  });

  test('what lies between the question for its past and its beginning is booked by nobody', async () => {
    const database = await copyBooks();
    const { pool } = database;
    const before = await factsOf(pool);
    await pool.query(`update payment_addresses set backfilled_height = 3 where user_id = 'fay'`);
    const result = await prove(database, 'rebuild', { from: 'origin', dryRun: false });
    expect(JSON.stringify(result)).toMatch(UNASKED);
    expect(await prove(database, 'repair', { addresses: null })).toMatchObject({ repaired: 0 });
    await expectSame(pool, before);
  });
});
