import type { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { openWorker, viewOf } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { booksOf, endOf } from '../../../test/support/rebuilding.js';
import { followedBooks, reconcileFully } from '../../../test/support/reconciling.js';
import { inTransaction } from '../../database/transaction.js';
import { checkDigest } from '../../payments/digest/check-digest.js';
import { rewriteDigests } from '../../payments/digest/recompute.js';
import type { ChainView } from '../../sync/chain-view.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

type Books = Awaited<ReturnType<typeof copyBooks>>;

/** A repair that heals nothing before `meanwhile` is done, and after all was compared. */
async function repair(database: Books, meanwhile: () => Promise<unknown>) {
  const real = viewOf(net);
  const hotWallet = net.chain.faucet;
  let isDone = false;
  const chain: ChainView = {
    ...real,
    ledgerAt: async (point, signal) => {
      const ledger = await real.ledgerAt(point, signal);
      const release = async (): Promise<void> => {
        await ledger.release();
        if (isDone) return;
        isDone = true;
        await meanwhile();
      };
      return { ...ledger, release };
    },
  };
  const worker = openWorker(database, net, { hotWallet, leading: [provingJobs(net, { chain })] });
  onTestFinished(worker.stop);
  const asked = { partitionId: 0, kind: 'repair', params: {}, requestedBy: 'test' } as const;
  const job = await endOf(database.pool, await requestJob(database.pool, asked));
  await worker.stop();
  expect(job).toMatchObject({ state: 'done' });
  return job.result;
}

const SPENT = `
  select tx_hash, output_index from incoming_payments
   where spent_by is not null and status = 'confirmed' and block_height is not null`;
const CHANGE_LAST = `
  update incoming_payments set amount_lovelace = amount_lovelace + 1
   where (tx_hash, output_index) = (${SPENT} order by block_height desc, tx_hash limit 1)
  returning block_height as height`;
const BREAK_FIRST = `
  update state_digests set digest = repeat('ab', 32)
   where height = (select min(height) from state_digests)`;
/** The row is gone, and the digest was made to fit. */
const LOSE_FIRST = `
  delete from incoming_payments
   where (tx_hash, output_index) = (${SPENT.replace('is not null and', 'is null and')} order by block_height, tx_hash limit 1)`;

async function loseFirst(pool: Pool): Promise<void> {
  expect((await pool.query(LOSE_FIRST)).rowCount).toBe(1);
  await inTransaction(pool, (tx) => rewriteDigests(tx, 0, 0));
}

test.each<[string, (pool: Pool) => Promise<unknown>]>([
  ['links a digest that was broken below', (pool) => pool.query(BREAK_FIRST)],
  ['puts a payment back below', loseFirst],
])(
  'a row that was changed since it was compared stays told of where a repair %s',
  async (_what, spoil) => {
    const database = await copyBooks();
    const { pool } = database;
    const before = await booksOf(pool);
    await spoil(pool);
    let changed = '';
    await repair(database, async () => {
      const { rows } = await pool.query<{ height: string }>(CHANGE_LAST);
      changed = rows[0]?.height ?? '';
    });
    const check = await checkDigest(pool, 0);
    expect(check.firstDifference).toEqual({ height: Number(changed) });
    expect((await reconcileFully(pool, net)).findings).toMatchObject([{ type: 'amount_mismatch' }]);
    expect(await repair(database, () => Promise.resolve())).toMatchObject({
      open: 0,
      problem: null,
    });
    expect(await booksOf(pool)).toEqual(before);
  },
);

test('a row of the very block that is healed, changed since it was compared, stays told of', async () => {
  const database = await copyBooks();
  const { pool } = database;
  const before = await booksOf(pool);
  const { rows: lost } = await pool.query<{ height: string }>(`
    delete from incoming_payments where (tx_hash, output_index) = (
      select p.tx_hash, p.output_index from incoming_payments p
        join wallet_outputs w on w.block_height = p.block_height
       where p.spent_by is null and p.status = 'confirmed' limit 1) returning block_height as height`);
  const height = lost[0]?.height;
  await inTransaction(pool, (tx) => rewriteDigests(tx, 0, 0));
  await repair(database, () =>
    pool.query(
      'update wallet_outputs set amount_lovelace = amount_lovelace + 1 where block_height = $1',
      [height],
    ),
  );
  expect((await checkDigest(pool, 0)).firstDifference).toEqual({ height: Number(height) });
  await repair(database, () => Promise.resolve());
  expect((await booksOf(pool)).filter((line) => !line.startsWith('digest'))).toEqual(
    before.filter((line) => !line.startsWith('digest')),
  );
});
