import type { Pool } from 'pg';
import { expect, test } from 'vitest';
import { POLICY } from '../../../test/support/follow.js';
import { viewOf } from '../../../test/support/following.js';
import { rebuildDeps } from '../../../test/support/rebuilding.js';
import { followedBooks } from '../../../test/support/reconciling.js';
import { inTransaction } from '../../database/transaction.js';
import type { ChainView } from '../../sync/chain-view.js';
import { POINT_GONE } from '../../sync/ledger-state.js';
import { readCursor } from '../../sync/queries.js';
import { NodeError } from '../../sync/requests.js';
import { readJob, requestJob } from './job-queries.js';
import { runJobs } from './job-runner.js';
import { repairJob } from './repair.js';
import { LEFT_ATTEMPTS_MAX } from './retry.js';

const { net, copyBooks } = await followedBooks();

/** Under a leader who follows nothing, and with pauses of no length: as many attempts as there are. */
async function repair(pool: Pool, chain: ChainView) {
  const params = { addresses: null };
  const asked = { partitionId: 0, kind: 'repair', params, requestedBy: 'test' } as const;
  const id = await requestJob(pool, asked);
  const term = new AbortController();
  let attempts = 0;
  const pause = () => new Promise<void>((resolve) => setImmediate(resolve));
  const work = repairJob({
    ...rebuildDeps(net, { hotWallet: net.chain.faucet, chain }),
    policy: POLICY,
    pacing: { pauseMs: 0, pauseShare: 0 },
    pause,
  });
  await runJobs({
    work: {
      repair: (job) => {
        attempts += 1;
        return work(job);
      },
      rebuild: () => Promise.reject(new Error('nobody asks for it here')),
    },
    observe: ({ type }) => {
      if (type === 'job_finished') term.abort(new Error('it has ended'));
    },
    pause,
  })({
    pool,
    partitionId: 0,
    signal: AbortSignal.any([term.signal, AbortSignal.timeout(60_000)]),
    write: (write) =>
      inTransaction(pool, async (tx) => write(tx, new Date(), await readCursor(tx, 0))),
    learn: () => undefined,
  });
  return { job: await readJob(pool, id), attempts };
}

/** For so many questions the node has none of the books' last block, and says where it is. */
function without(questions: number, blocksBehind: number): ChainView {
  const real = viewOf(net);
  const end = net.chain.blocks().at(-1 - blocksBehind);
  if (end === undefined) throw new Error('there must be blocks');
  const tip = { slot: end.slot, id: 'ab'.repeat(32), height: end.height };
  let asked = 0;
  return {
    ledgerAt: (point, signal) => {
      asked += 1;
      return asked > questions
        ? real.ledgerAt(point, signal)
        : Promise.reject(new NodeError(POINT_GONE, 'Failed to acquire requested point.', null));
    },
    async *read(offered, signal) {
      if (asked > 0 && asked <= questions) yield { type: 'backward', point: 'origin', tip };
      yield* real.read(offered, signal);
      throw new Error('a chain goes on for ever');
    },
  };
}

test('a repair ends soon, and says so, where the node went on without the books’ last block for good', async () => {
  const { pool } = await copyBooks();
  const { job, attempts } = await repair(pool, without(Number.POSITIVE_INFINITY, 0));
  expect(attempts).toBe(LEFT_ATTEMPTS_MAX);
  expect(job).toMatchObject({ state: 'failed' });
  expect(job?.problem).toContain('is no longer on the chain of the node');
  expect(job?.problem).toContain('`teller status` says what keeps whoever follows from it');
});

test('a node that went on without it for a while is waited for', async () => {
  const { pool } = await copyBooks();
  const { job } = await repair(pool, without(5, 0));
  expect(job).toMatchObject({ state: 'done', result: { open: 0, problem: null } });
});

test('a node that is behind the books is waited for longer', async () => {
  const { pool } = await copyBooks();
  const longer = 10 * (LEFT_ATTEMPTS_MAX + 3);
  const { job, attempts } = await repair(pool, without(longer, 1));
  expect(attempts).toBeGreaterThan(LEFT_ATTEMPTS_MAX);
  expect(job).toMatchObject({ state: 'done', result: { open: 0, problem: null } });
});
