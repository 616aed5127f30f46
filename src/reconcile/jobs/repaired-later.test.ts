import type { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { endOf } from '../../../test/support/rebuilding.js';
import {
  CAROL,
  depsOf,
  FULL,
  followedBooks,
  reconcileFully,
} from '../../../test/support/reconciling.js';
import { reconcile } from '../runs/reconcile.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

const SPOIL = `update incoming_payments set amount_lovelace = amount_lovelace + 1 where address = '${CAROL}'`;
const UNDO = `update incoming_payments set amount_lovelace = amount_lovelace - 1 where address = '${CAROL}'`;
const STATES = `
  select run_id::text as run, state, reason, closed_by as by from reconciliation_discrepancies
   order by reconciliation_discrepancies.run_id`;

const statesIn = async (pool: Pool) =>
  (await pool.query<{ run: string; state: string; reason: string; by: string }>(STATES)).rows;

async function spoilt() {
  const database = await copyBooks();
  const { pool } = database;
  expect((await pool.query(SPOIL)).rowCount).toBe(1);
  const repair = async (addresses: readonly string[] | null): Promise<string> => {
    const worker = openWorker(database, net, {
      hotWallet: net.chain.faucet,
      leading: [provingJobs(net)],
    });
    onTestFinished(worker.stop);
    const params = { addresses };
    const job = await endOf(
      pool,
      await requestJob(pool, { partitionId: 0, kind: 'repair', params, requestedBy: 'cli:grace' }),
    );
    expect(job).toMatchObject({ state: 'done', result: { repaired: 1, open: 0 } });
    await worker.stop();
    return (job.result as { runId: string }).runId;
  };
  return { pool, repair };
}

const repairedIn = (run: string) => ({
  state: 'repaired',
  reason: `repaired in run ${run}`,
  by: 'cli:grace',
});

test('what earlier runs and checks of its address found too ends as repaired, by whoever repaired it', async () => {
  const { pool, repair } = await spoilt();
  await reconcileFully(pool, net);
  const only = { addresses: [CAROL] };
  await reconcile(depsOf(pool, net), { ...FULL, scope: only });
  await reconcileFully(pool, net);
  const run = await repair(null);
  expect(await statesIn(pool)).toMatchObject([
    repairedIn(run),
    repairedIn(run),
    repairedIn(run),
    { run, state: 'repaired', by: 'cli:grace' },
  ]);
});

test('what earlier runs left open is repaired too where a repair looks at its address alone', async () => {
  const { pool, repair } = await spoilt();
  await reconcileFully(pool, net);
  const run = await repair([CAROL]);
  expect(await statesIn(pool)).toMatchObject([repairedIn(run), { run, state: 'repaired' }]);
});

test('a difference that was gone in between, or that a person answered for, is none that was repaired', async () => {
  const { pool, repair } = await spoilt();
  const first = await reconcileFully(pool, net);
  const second = await reconcileFully(pool, net);
  await pool.query(UNDO);
  const third = await reconcileFully(pool, net);
  await pool.query(SPOIL);
  const fourth = await reconcileFully(pool, net);
  await pool.query(
    `update reconciliation_discrepancies
        set state = 'explained', reason = 'a test', closed_by = 'cli:ada', closed_at = now()
      where run_id = $1`,
    [fourth.runId],
  );
  const run = await repair(null);
  expect(await statesIn(pool)).toMatchObject([
    { run: first.runId, state: 'explained', reason: `seen again in run ${second.runId}` },
    { run: second.runId, state: 'explained', reason: `no longer there in run ${third.runId}` },
    { run: fourth.runId, state: 'explained', by: 'cli:ada' },
    { run, state: 'repaired', by: 'cli:grace' },
  ]);
});
