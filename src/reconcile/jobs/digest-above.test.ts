import { expect, onTestFinished, test } from 'vitest';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { askRebuild, booksOf, endOf } from '../../../test/support/rebuilding.js';
import { followedBooks, reconcileFully } from '../../../test/support/reconciling.js';
import { verifyBooks } from '../verify/verify-books.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

/** Books whose state digest tells of a block that nobody followed. */
async function digestedAhead() {
  const database = await copyBooks();
  const { pool } = database;
  const before = await booksOf(pool);
  await pool.query(
    "insert into state_digests values (0, 9999, 1, repeat('1', 64), repeat('2', 64))",
  );
  return { database, pool, before };
}

const HEALED = `
  select actor, details->>'count' as count from audit_log where action = 'digest.corrected'`;

test('a reconciliation tells of a digest above the cursor', async () => {
  const { pool } = await digestedAhead();
  const { findings, problem } = await reconcileFully(pool, net);
  expect(findings).toEqual([]);
  expect(problem).toContain('the state digest tells of height 9999 above the cursor');
});

test.each(['repair', 'rebuild'] as const)('a %s takes it away, and says so', async (kind) => {
  const { database, pool, before } = await digestedAhead();
  expect((await verifyBooks(pool)).totalMismatches).toBe(1);
  const hotWallet = net.chain.faucet;
  const worker = openWorker(database, net, { hotWallet, leading: [provingJobs(net)] });
  onTestFinished(worker.stop);
  const asked =
    kind === 'rebuild'
      ? askRebuild(pool, { from: 'origin' })
      : requestJob(pool, { partitionId: 0, kind, params: {}, requestedBy: 'zoe' });
  const job = await endOf(pool, await asked);
  expect(job).toMatchObject({ state: 'done', problem: null, result: { left: [], problem: null } });
  expect(await booksOf(pool)).toEqual(before);
  expect((await verifyBooks(pool)).totalMismatches).toBe(0);
  expect((await pool.query(HEALED)).rows).toMatchObject([{ count: '1' }]);
  expect((await reconcileFully(pool, net)).problem).toBeNull();
});
