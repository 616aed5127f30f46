import type { Pool } from 'pg';
import { expect, test } from 'vitest';
import { openWorker } from '../../../test/support/following.js';
import {
  COPIED_TO_WALLET,
  COUNTED,
  HELD,
  MOVED_TO_PAYMENTS,
  MOVED_TO_WALLET,
  ONE,
  SPENT,
  UNFOLLOWED,
} from '../../../test/support/misplaced-rows.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { booksOf } from '../../../test/support/rebuilding.js';
import { CAROL, followedBooks, reconcileFully } from '../../../test/support/reconciling.js';
import { inTransaction } from '../../database/transaction.js';
import { checkDigest } from '../../payments/digest/check-digest.js';
import { rewriteDigests } from '../../payments/digest/recompute.js';
import { rolledBackAmong } from '../../payments/payment-queries.js';
import { verifyBooks } from '../verify/verify-books.js';
import { followJob } from './follow-job.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

/** Books of the same chain that may be spoilt, and a leader that heals them. */
async function books() {
  const database = await copyBooks();
  const { pool } = database;
  const heal = async (kind: 'repair' | 'rebuild', params: Readonly<Record<string, unknown>>) => {
    const id = await requestJob(pool, { partitionId: 0, kind, params, requestedBy: 'test' });
    const worker = openWorker(database, net, {
      hotWallet: net.chain.faucet,
      leading: [provingJobs(net)],
    });
    const job = await followJob(pool, id, () => undefined, AbortSignal.timeout(30_000));
    await worker.stop();
    return job.result;
  };
  return {
    pool,
    repair: () => heal('repair', { addresses: null }),
    rebuild: (dryRun = false) => heal('rebuild', { from: 'origin', dryRun }),
  };
}

/** As they were, but for a balance that is nothing instead of none. */
const worthOf = async (pool: Pool): Promise<readonly string[]> =>
  (await booksOf(pool)).filter((line) => !line.startsWith('balance') || !line.includes('dave'));

async function expectSound(pool: Pool): Promise<void> {
  expect(await reconcileFully(pool, net)).toMatchObject({ findings: [], problem: null });
  expect((await checkDigest(pool, 0)).firstDifference).toBeNull();
  expect((await verifyBooks(pool)).totalMismatches).toBe(0);
}

const SPOILT: [string, string][] = [
  ['a payment that was moved among the outputs of the wallet', MOVED_TO_WALLET(ONE(HELD))],
  [
    'a payment from before its address was watched, moved there',
    MOVED_TO_WALLET(`address = '${CAROL}'`),
  ],
  ['a payment that stands there too', COPIED_TO_WALLET('p.address', ONE(HELD))],
  [
    'a payment that stands there too, at the wallet’s address',
    COPIED_TO_WALLET('(select address from wallet_backfills)', ONE(HELD)),
  ],
  [
    'an output of the wallet that was moved among the payments',
    MOVED_TO_PAYMENTS('spent_by is null and block_height is not null'),
  ],
  ['what was held before its address was watched, and counts', COUNTED],
  ['a followed payment that is said to have been there before', UNFOLLOWED(ONE(HELD))],
];

/** What never was a payment stays among them as one that is rolled back. */
const withoutWallets = (lines: readonly string[]): readonly string[] =>
  lines.filter((line) => !(line.startsWith('payment') && line.includes('"status": "rolled_back"')));

test.each(SPOILT)('a repair sets right %s', async (_what, sql) => {
  const { pool, repair } = await books();
  const before = await worthOf(pool);
  expect((await pool.query(sql)).rowCount).toBeGreaterThan(0);
  expect(await repair()).toMatchObject({ open: 0, left: [], problem: null });
  expect(withoutWallets(await worthOf(pool))).toEqual(withoutWallets(before));
  await expectSound(pool);
  const audit = await pool.query("select 1 from audit_log where action = 'output.corrected'");
  expect(audit.rowCount).toBeGreaterThan(0);
});

test.each(SPOILT)('a rebuild sets right %s', async (_what, sql) => {
  const { pool, rebuild } = await books();
  const before = await worthOf(pool);
  await pool.query(sql);
  expect(Object.keys((await rebuild(true))?.differences ?? {}).length).toBeGreaterThan(0);
  expect(await rebuild()).toMatchObject({ open: 0, left: [] });
  expect(withoutWallets(await worthOf(pool))).toEqual(withoutWallets(before));
  await expectSound(pool);
  expect(await rebuild()).toMatchObject({ differences: {}, digest: { equal: true } });
});

test('money is taken back that was made of what its address held before', async () => {
  const { pool, repair } = await books();
  await pool.query(COUNTED);
  await repair();
  const { rows } = await pool.query(
    "select available::text, pending::text from user_balances where user_id = 'dave'",
  );
  expect(rows).toEqual([{ available: '0', pending: '0' }]);
});

test('no money is taken where row and digest of a spent payment are gone: the blocks have it', async () => {
  const { pool, repair, rebuild } = await books();
  const before = await worthOf(pool);
  await pool.query(`delete from incoming_payments where ${ONE(SPENT)}`);
  await inTransaction(pool, (tx) => rewriteDigests(tx, 0, 0));
  const result = await repair();
  expect(result?.ledger).toMatchObject({ lost: 0, entries: 0 });
  expect(result?.left).toMatchObject([
    expect.stringContaining('nothing proves that the chain lacks'),
  ]);
  expect(await rebuild()).toMatchObject({ open: 0, left: [] });
  expect(await worthOf(pool)).toEqual(before);
});

test('a wallet’s output that stood among the payments is no payment when the wallet spends it', async () => {
  const { pool, repair } = await books();
  await pool.query(SPOILT[4]?.[1] ?? '');
  await repair();
  const { rows } = await pool.query<{ reference: string }>(`
    select p.tx_hash || '#' || p.output_index as reference from incoming_payments p
      join wallet_outputs using (tx_hash, output_index)`);
  expect(rows).toHaveLength(1);
  const spends = await inTransaction(pool, (tx) =>
    rolledBackAmong(
      tx,
      rows.map(({ reference }) => reference),
    ),
  );
  expect(spends.size).toBe(0);
});

test('a dry run is not clean where another hand changed the digest alone', async () => {
  const { pool, rebuild } = await books();
  const last = 'height = (select max(height) from state_digests)';
  await pool.query(`update state_digests set digest = repeat('ef', 32) where ${last}`);
  expect(await rebuild(true)).toMatchObject({ differences: {}, digest: { equal: false } });
  expect(await rebuild()).toMatchObject({ left: [] });
  expect((await checkDigest(pool, 0)).firstDifference).toBeNull();
});

test('an output of the wallet has who spent it and where, or neither', async () => {
  const { pool } = await books();
  const half = "update wallet_outputs set spent_by = repeat('ab', 32) where spent_by is null";
  await expect(pool.query(half)).rejects.toThrow('check constraint');
});
