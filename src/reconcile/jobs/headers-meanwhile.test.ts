import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openWorker, viewOf } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { endOf } from '../../../test/support/rebuilding.js';
import { followedBooks, reconcileFully } from '../../../test/support/reconciling.js';
import type { ChainView } from '../../sync/chain-view.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

/** Does something in each reading, right before the block of a height comes. */
function viewThat(changes: (reading: number) => Promise<unknown>, height: number): ChainView {
  const real = viewOf(net);
  let readings = 0;
  return {
    ...real,
    read: async function* (offered, signal) {
      readings += 1;
      let isDone = false;
      for await (const reading of real.read(offered, signal)) {
        const isThere =
          reading.type === 'forward' && reading.blocks.some(({ block }) => block.height >= height);
        if (isThere && !isDone) {
          isDone = true;
          await changes(readings);
        }
        yield reading;
      }
      throw new Error('a chain goes on for ever');
    },
  };
}

async function repairBy(view: (pool: Pool, tip: number) => ChainView, change: string) {
  const database = await copyBooks();
  const { pool } = database;
  await pool.query(change);
  const hotWallet = net.chain.faucet;
  const chain = view(pool, Number(net.chain.blocks().at(-1)?.height));
  const worker = openWorker(database, net, { hotWallet, leading: [provingJobs(net, { chain })] });
  onTestFinished(worker.stop);
  const asked = { partitionId: 0, kind: 'repair', params: {}, requestedBy: 'zoe' } as const;
  const job = await endOf(pool, await requestJob(pool, asked));
  await worker.stop();
  expect(job).toMatchObject({ state: 'done' });
  return { pool, result: job.result };
}

const TWO_BELOW = 'delete from blocks where height in (3, 7)';

describe('headers are read once more', () => {
  test('where another hand deletes more of them while they are read', async () => {
    const deleteMore = (pool: Pool, tip: number) =>
      viewThat(
        (reading) =>
          reading === 1
            ? pool.query('delete from blocks where height = $1', [tip - 3])
            : Promise.resolve(),
        8,
      );
    const { pool, result } = await repairBy(deleteMore, TWO_BELOW);
    expect(result).toMatchObject({ headers: 3, problem: null });
    expect((await reconcileFully(pool, net)).problem).toBeNull();
  });

  test('but not for ever: where they are deleted each time, a repair says so', async () => {
    const deleteOthers = (pool: Pool, tip: number) =>
      viewThat(
        (reading) =>
          pool.query('delete from blocks where height = $1', [tip - 9 + Math.min(reading, 6)]),
        8,
      );
    const { result } = await repairBy(deleteOthers, TWO_BELOW);
    expect(result?.problem).toContain('they were changed each time while they were read');
  });

  test('where a fork takes the one above them away while they are read', async () => {
    const forks = (pool: Pool, tip: number) =>
      viewThat(async (reading) => {
        if (reading > 1) return;
        net.fork(6, { comeBack: 'none' });
        await vi.waitFor(
          async () => {
            const { rows } = await pool.query('select last_block_hash as tip from sync_state');
            expect(rows).toEqual([{ tip: net.chain.blocks().at(-1)?.id }]);
          },
          { timeout: 20_000, interval: 20 },
        );
      }, tip - 2);
    const { pool, result } = await repairBy(
      forks,
      `${TWO_BELOW}; delete from blocks where height = (select last_block_height - 3 from sync_state)`,
    );
    expect(result).toMatchObject({ headers: 2, problem: null });
    expect((await reconcileFully(pool, net)).problem).toBeNull();
  });
});
