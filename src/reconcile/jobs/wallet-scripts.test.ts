import { expect, onTestFinished, test } from 'vitest';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { askRebuild, booksOf, endOf } from '../../../test/support/rebuilding.js';
import { followedBooks, reconcileFully } from '../../../test/support/reconciling.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

/** Books where an output of the wallet is said to carry a script, which no payout would spend then. */
async function spoilt() {
  const database = await copyBooks();
  const { pool } = database;
  const before = await booksOf(pool);
  const { rowCount } = await pool.query(
    'update wallet_outputs set has_script = true where spent_by is null',
  );
  expect(rowCount).toBeGreaterThan(0);
  const lead = () => {
    const hotWallet = net.chain.faucet;
    const worker = openWorker(database, net, { hotWallet, leading: [provingJobs(net)] });
    onTestFinished(worker.stop);
  };
  const expectSound = async (): Promise<void> => {
    const scripted = await pool.query('select 1 from wallet_outputs where has_script');
    expect(scripted.rows).toEqual([]);
    expect(await booksOf(pool)).toEqual(before);
    expect(await reconcileFully(pool, net)).toMatchObject({ findings: [], problem: null });
  };
  return { pool, changed: rowCount ?? 0, lead, expectSound };
}

test('a script that an output of the wallet lacks on the chain is found, and a repair heals it', async () => {
  const { pool, changed, lead, expectSound } = await spoilt();
  const { findings, runId } = await reconcileFully(pool, net);
  expect(findings).toHaveLength(changed);
  expect(findings).toMatchObject(
    findings.map(() => ({
      type: 'amount_mismatch',
      recorded: { hasScript: true },
      onChain: { hasScript: false },
      unexplained: null,
    })),
  );
  const stored = await pool.query(
    `select distinct recorded -> 'hasScript' as recorded, on_chain -> 'hasScript' as "onChain"
       from reconciliation_discrepancies where run_id = $1`,
    [runId],
  );
  expect(stored.rows).toEqual([{ recorded: true, onChain: false }]);
  lead();
  const asked = { partitionId: 0, kind: 'repair', params: {}, requestedBy: 'test' } as const;
  const job = await endOf(pool, await requestJob(pool, asked));
  expect(job.result).toMatchObject({ repaired: changed, open: 0, left: [], problem: null });
  await expectSound();
});

test('a rebuild finds and heals it', async () => {
  const { pool, changed, lead, expectSound } = await spoilt();
  lead();
  const dry = await endOf(pool, await askRebuild(pool, { from: 'origin', dryRun: true }));
  expect(dry.result).toMatchObject({ differences: { amount_mismatch: changed }, open: changed });
  const job = await endOf(pool, await askRebuild(pool, { from: 'origin' }));
  expect(job.result).toMatchObject({ healed: changed, open: 0, left: [] });
  await expectSound();
});
