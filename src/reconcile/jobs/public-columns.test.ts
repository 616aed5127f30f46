import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { backUp, folderInTests, restoreInto } from '../../../test/support/backups.js';
import { createEmptyDatabase, createTestDatabase } from '../../../test/support/database.js';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { askRebuild, booksOf, endOf } from '../../../test/support/rebuilding.js';
import { followedBooks, followedWorld, reconcileFully } from '../../../test/support/reconciling.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import type { Devnet } from '../../devnet/server.js';
import { verifyBooks } from '../verify/verify-books.js';
import { requestJob } from './job-queries.js';

const { net: sharedNet, copyBooks } = await followedBooks();

const OTHER = 'ab'.repeat(32);
const COLUMNS = `tx_hash, output_index, address, user_id, reference_type, reference_id, amount_lovelace, assets,
                 status, block_hash, block_height, slot, spent_by, detected_at, confirmed_at`;
const ENTRY = 'user_id, unit, bucket, type, amount, reason, tx_hash, output_index';

/** What a hand does that knows the public columns alone. */
const WAYS: Readonly<Record<string, string>> = {
  'who spent payments is forgotten':
    'update incoming_payments set spent_by = null where spent_by is not null',
  'somebody is said to have spent payments': `
    update incoming_payments set spent_by = '${OTHER}' where spent_by is null and status <> 'rolled_back'`,
  'spent payments are written again by hand': `
    with gone as (delete from incoming_payments where spent_by is not null and status = 'confirmed' returning *)
    insert into incoming_payments (${COLUMNS}) select ${COLUMNS} from gone`,
  'a payment is made up that somebody spent': `
    insert into incoming_payments (${COLUMNS})
    select ${COLUMNS.replace('tx_hash,', `'${OTHER}',`).replace('spent_by,', `'${OTHER}',`)}
      from incoming_payments where status = 'confirmed' and block_height is not null limit 1`,
  'a payment is credited once more': `
    insert into balance_transactions (${ENTRY})
    select user_id, 'lovelace', 'available', 'credit', amount_lovelace, 'payment_confirmed', tx_hash, output_index
      from incoming_payments where status = 'confirmed'`,
  'a payment is ended by hand': `
    insert into balance_transactions (${ENTRY})
    select user_id, 'lovelace', 'available', 'debit', amount_lovelace, 'payment_rolled_back', tx_hash, output_index
      from incoming_payments where status = 'confirmed'`,
};

/** What an invented payment leaves counts for nothing, and how deep one had to be nothing tells. */
const bare = (lines: readonly string[]): string[] =>
  lines
    .filter((line) => !line.startsWith('payment') || !line.includes(OTHER))
    .map((line) => line.replace(/"required_confirmations": \d+/, ''));

async function spoil(pool: Pool, ways: readonly string[]): Promise<void> {
  for (const way of ways)
    expect((await pool.query(WAYS[way] ?? '')).rowCount, way).toBeGreaterThan(0);
}

const differsIn = async (pool: Pool, net: Devnet): Promise<boolean> =>
  (await reconcileFully(pool, net)).findings.length + (await verifyBooks(pool)).totalMismatches > 0;

async function expectSound(pool: Pool, net: Devnet, before: readonly string[]): Promise<void> {
  expect(bare(await booksOf(pool))).toEqual(bare(before));
  expect((await verifyBooks(pool)).totalMismatches).toBe(0);
  expect(await reconcileFully(pool, net)).toMatchObject({ findings: [], problem: null });
}

function lead(database: TestDatabase, net: Devnet) {
  const worker = openWorker(database, net, {
    hotWallet: net.chain.faucet,
    leading: [provingJobs(net)],
  });
  onTestFinished(worker.stop);
  return worker;
}

const repair = async (pool: Pool) =>
  endOf(
    pool,
    await requestJob(pool, {
      partitionId: 0,
      kind: 'repair',
      params: { addresses: null },
      requestedBy: 'test',
    }),
  );

describe.each(Object.keys(WAYS))('where %s', (way) => {
  test('proving the books finds it, and a repair heals it', async () => {
    const database = await copyBooks();
    const { pool } = database;
    const before = await booksOf(pool);
    await spoil(pool, [way]);
    expect(await differsIn(pool, sharedNet)).toBe(true);
    lead(database, sharedNet);
    const job = await repair(pool);
    expect(job).toMatchObject({ state: 'done', result: { open: 0, left: [], problem: null } });
    await expectSound(pool, sharedNet, before);
  });

  test('a rebuild heals it', async () => {
    const database = await copyBooks();
    const { pool } = database;
    const before = await booksOf(pool);
    await spoil(pool, [way]);
    lead(database, sharedNet);
    const job = await endOf(pool, await askRebuild(pool, { from: 'origin' }));
    expect(job).toMatchObject({ state: 'done', result: { open: 0, left: [] } });
    await expectSound(pool, sharedNet, before);
  });
});

test('what was credited for a payment that nobody knows is taken back by entries of the same kind', async () => {
  const database = await copyBooks();
  const { pool } = database;
  const before = await booksOf(pool);
  const { rowCount } = await pool.query(
    `insert into balance_transactions (${ENTRY})
     values ('ann', 'lovelace', 'available', 'credit', 7, 'payment_confirmed', '${OTHER}', 0)`,
  );
  expect(rowCount).toBe(1);
  expect((await verifyBooks(pool)).ledger.count).toBe(1);
  lead(database, sharedNet);
  expect(await repair(pool)).toMatchObject({ state: 'done', result: { open: 0, left: [] } });
  expect(await booksOf(pool)).toEqual(before);
  // The ledger only grows: both entries stay, come to nothing, and the audit log says that this is settled.
  expect(await verifyBooks(pool)).toMatchObject({ totalMismatches: 0, orphans: { count: 0 } });
  const { rows } = await pool.query(
    "select 1 from balance_transactions where tx_hash = $1 union all select 1 from audit_log where action = 'ledger.settled'",
    [OTHER],
  );
  expect(rows).toHaveLength(3);
});

const UNTOUCHED = Object.keys(WAYS).filter((way) => !way.includes('once more'));

test('blocks and rollbacks go on over such rows, and a repair heals what is left', {
  timeout: 60_000,
}, async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { pool } = database;
  const { net } = await followedWorld(database);
  onTestFinished(() => net.close());
  await spoil(pool, UNTOUCHED);
  const worker = lead(database, net);
  const untilAtTip = () =>
    vi.waitFor(
      async () => {
        const { rows } = await pool.query('select last_block_hash as hash from sync_state');
        expect(rows).toEqual([{ hash: net.chain.blocks().at(-1)?.id }]);
      },
      { timeout: 20_000, interval: 20 },
    );
  for (const depth of [3, 9]) {
    net.fork(depth, { comeBack: depth === 9 ? 'none' : 'all' });
    await untilAtTip();
    for (let block = 0; block < 3; block += 1) net.mine();
    await untilAtTip();
  }
  const job = await repair(pool);
  expect(job).toMatchObject({ state: 'done', result: { open: 0, left: [], problem: null } });
  expect((await verifyBooks(pool)).totalMismatches).toBe(0);
  expect(await reconcileFully(pool, net)).toMatchObject({ findings: [], problem: null });
  await worker.stop();
});

describe('a backup of such rows', () => {
  const folder = folderInTests();

  test.each(['all', 'critical'] as const)(
    'of the set %s restores them as they are',
    async (set) => {
      const original = await copyBooks();
      await spoil(original.pool, Object.keys(WAYS));
      await original.pool.query('update sync_state set network = $1', ['preprod']);
      const { file } = await backUp(original, folder.path, set);
      const target = await createEmptyDatabase();
      onTestFinished(() => target.drop());
      await restoreInto(target, file);
      const halves = async (pool: Pool): Promise<readonly unknown[]> => {
        const { rows } = await pool.query<Record<string, unknown>>(
          `select tx_hash, output_index, spent_by, spent_height from incoming_payments
          where (spent_by is null) <> (spent_height is null) order by 1, 2`,
        );
        return rows;
      };
      expect((await halves(original.pool)).length).toBeGreaterThan(0);
      expect(await halves(target.pool)).toEqual(await halves(original.pool));
      expect((await verifyBooks(target.pool)).totalMismatches).toBeGreaterThan(0);
    },
  );
});
