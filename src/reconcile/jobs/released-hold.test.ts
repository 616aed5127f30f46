import { expect, onTestFinished, test } from 'vitest';
import { openWorker } from '../../../test/support/following.js';
import { rolledBack } from '../../../test/support/guard-reasons.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { askRebuild, endOf } from '../../../test/support/rebuilding.js';
import {
  ANN,
  followedBooks,
  reconcileFully,
  startWorker,
} from '../../../test/support/reconciling.js';
import { releaseGuard } from '../../guard/release.js';

const { net, copyBooks } = await followedBooks();

const WAITING =
  "select 1 from incoming_payments where status = 'pending' and amount_lovelace = 3000000";

/** Payments of the last while waited for confirmations that were held, and a person has just released them. */
async function released() {
  const database = await copyBooks();
  const { pool } = database;
  await pool.query(
    'insert into chain_guard (partition_id, held_at, reasons) values (0, now(), $1)',
    [JSON.stringify([rolledBack])],
  );
  const worker = startWorker(database, net);
  for (const address of ANN) net.payNow({ address, lovelace: 3_000_000n });
  for (let block = 0; block < 15; block += 1) net.mine();
  await worker.untilAtTip();
  await worker.stop();
  const pending = async () => (await pool.query(WAITING)).rows.length;
  expect(await pending()).toBeGreaterThan(0);
  expect((await releaseGuard(pool, 0, 'operator:zoe', 'explorers agree')).changed).toBe(true);
  return { database, pool, pending };
}

const statuses = async (pool: Awaited<ReturnType<typeof released>>['pool']) =>
  (await reconcileFully(pool, net)).findings.filter(({ type }) => type === 'status_mismatch');

test('what waits for the block after a release is no difference, and is one where that block left it waiting', async () => {
  const { database, pool, pending } = await released();
  const waiting = await pending();
  expect(await statuses(pool)).toEqual([]);
  const worker = startWorker(database, net);
  net.mine();
  await worker.untilAtTip();
  await worker.stop();
  expect(await pending()).toBe(0);
  const back = await pool.query(
    `update incoming_payments set status = 'pending', confirmed_at = null
      where amount_lovelace = 3000000 and status = 'confirmed'`,
  );
  expect(back.rowCount).toBe(waiting);
  expect(await statuses(pool)).toHaveLength(waiting);
});

test('a rebuild finds nothing in what waits for the block after a release', async () => {
  const { database, pool } = await released();
  const worker = openWorker(database, net, {
    hotWallet: net.chain.faucet,
    leading: [provingJobs(net)],
  });
  onTestFinished(worker.stop);
  const id = await askRebuild(pool, { from: 'origin', dryRun: true });
  const job = await endOf(pool, id);
  expect(job).toMatchObject({ state: 'done', result: { differences: {}, examples: [] } });
});
