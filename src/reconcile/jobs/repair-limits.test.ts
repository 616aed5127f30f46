import type { Pool } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { openWorker, viewOf } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { ANN, CAROL, followedBooks, register } from '../../../test/support/reconciling.js';
import { inTransaction } from '../../database/transaction.js';
import { rewriteDigests } from '../../payments/digest/recompute.js';
import { POINT_GONE } from '../../sync/ledger-state.js';
import { NodeError } from '../../sync/requests.js';
import { followJob } from './follow-job.js';
import { type Job, requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

type Books = Awaited<ReturnType<typeof copyBooks>>;

/** As whoever leads would do it. */
async function repair(
  database: Books,
  addresses: readonly string[] | null,
  chain = viewOf(net),
): Promise<Job> {
  const hotWallet = net.chain.faucet;
  const worker = openWorker(database, net, { hotWallet, leading: [provingJobs(net, { chain })] });
  onTestFinished(worker.stop);
  const params = { addresses };
  const asked = { partitionId: 0, kind: 'repair', params, requestedBy: 'test' } as const;
  const id = await requestJob(database.pool, asked);
  const job = await followJob(database.pool, id, () => undefined, AbortSignal.timeout(20_000));
  await worker.stop();
  return job;
}

const NOBODYS = enterpriseAddress(77);

test('a repair of an address that nobody registered fails at once, and says what is registered', async () => {
  const job = await repair(await copyBooks(), [NOBODYS]);
  expect(job).toMatchObject({ state: 'failed' });
  expect(job.problem).toContain('is not registered here');
  expect(job.problem).toContain('`teller address list` shows those that are');
});

test('a repair of some addresses corrects the references of their payments alone', async () => {
  const books = await copyBooks();
  const { pool } = books;
  await pool.query(`update incoming_payments set reference_id = '13'`);
  expect(await repair(books, [CAROL])).toMatchObject({ result: { references: 1, left: [] } });
  const { rows } = await pool.query(
    `select distinct address from incoming_payments where reference_id is distinct from '13'`,
  );
  expect(rows).toEqual([{ address: CAROL }]);
});

test.each([null, ANN])(
  'references that nothing proves are left, and a repair says so',
  async (addresses) => {
    const books = await copyBooks();
    await books.pool.query(
      `update payment_addresses set reference_id = 'forged' where user_id = 'ann'`,
    );
    const { rows } = await books.pool.query<{ n: number }>(
      `select count(*)::int as n from incoming_payments where user_id = 'ann'`,
    );
    const { result } = await repair(books, addresses);
    expect(result).toMatchObject({ references: 0 });
    expect(result?.left).toEqual([
      expect.stringMatching(`^${rows[0]?.n} payments have other references than their addresses`),
    ]);
  },
);

test('a payment that was given the inclusion of its ledger is told with what the repair did', async () => {
  const books = await copyBooks();
  await books.pool.query(`
    update balance_transactions b set inclusion = 2
      from (select tx_hash, output_index from incoming_payments where address = '${CAROL}') p
     where b.tx_hash = p.tx_hash and b.output_index = p.output_index`);
  expect(await repair(books, null)).toMatchObject({ result: { inclusions: 1, rollbacks: 0 } });
});

test('a node that has rolled back the cursor’s block is asked again, and nothing is compared anew', async () => {
  const books = await copyBooks();
  const { pool } = books;
  await pool.query('delete from incoming_payments where address = $1', [CAROL]);
  const real = viewOf(net);
  // Once all is compared a block comes, and the node forgets its ledger for once.
  let hasCome = false;
  const comes = async (): Promise<void> => {
    if (hasCome) return;
    hasCome = true;
    const { id } = net.mine();
    await vi.waitFor(async () => expect(await cursorOf(pool)).toBe(id), 20_000);
  };
  let comparedAt: string | null = null;
  let asked = 0;
  const job = await repair(books, null, {
    ...real,
    ledgerAt: async (point, signal) => {
      comparedAt ??= point.id;
      if (point.id !== comparedAt) asked += 1;
      if (asked === 1) throw new NodeError(POINT_GONE, 'Failed to acquire requested point.', null);
      const ledger = await real.ledgerAt(point, signal);
      return { ...ledger, release: () => ledger.release().then(comes) };
    },
  });
  expect(job).toMatchObject({ state: 'done', result: { repaired: 1, open: 0 } });
  expect(asked).toBeGreaterThan(1);
  expect((await pool.query('select 1 from reconciliation_runs')).rowCount).toBe(1);
});

const cursorOf = async (pool: Pool): Promise<string | undefined> =>
  (await pool.query<{ hash: string }>('select last_block_hash as hash from sync_state')).rows[0]
    ?.hash;

test.each([
  ['are looked through for what has no row', false],
  ['are not read for what has no row where a person must look at the rest anyway', true],
])('blocks %s', async (_what, isDisputed) => {
  const books = await copyBooks();
  const { pool } = books;
  await pool.query(`delete from incoming_payments where (tx_hash, output_index) = (
    select tx_hash, output_index from incoming_payments
     where spent_by is not null and status = 'confirmed' and block_height is not null limit 1)`);
  await inTransaction(pool, (tx) => rewriteDigests(tx, 0, 0));
  if (isDisputed) {
    await register(pool, 'erin', [NOBODYS]);
    await pool.query('delete from payment_addresses where address = $1', [NOBODYS]);
  }
  const real = viewOf(net);
  let readings = 0;
  const job = await repair(books, null, {
    ...real,
    read: (offered, signal) => {
      readings += 1;
      return real.read(offered, signal);
    },
  });
  expect(job.result?.left).toEqual([
    expect.stringContaining('nothing proves that the chain lacks'),
  ]);
  expect(readings).toBe(isDisputed ? 0 : 1);
});
