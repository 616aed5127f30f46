import { afterAll, expect, test, vi } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { inTransaction } from '../../database/transaction.js';
import { BooksContradict } from '../../sync/contradiction.js';
import type { Leadership } from '../../sync/leadership.js';
import type { ProofEvent } from '../model/proof-events.js';
import type { JobWork } from './job.js';
import { readJob, requestJob } from './job-queries.js';
import { runJobs } from './job-runner.js';
import { ATTEMPTS_MAX, LASTING_ATTEMPTS_MAX } from './retry.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

/** A term that writes at once: what fences have to say is tested with the worker. */
const leadershipUntil = (signal: AbortSignal): Leadership => ({
  pool,
  partitionId: 0,
  signal,
  write: (work) => inTransaction(pool, (tx) => work(tx, new Date(), null)),
  learn: () => undefined,
});

const ask = (kind: 'repair' | 'rebuild') =>
  requestJob(pool, { partitionId: 0, kind, params: {}, requestedBy: 'test' });

/** Works on a repair that fails, and on the rebuild that was asked for after it. */
async function runBoth(repair: JobWork) {
  const ids = [await ask('repair'), await ask('rebuild')] as const;
  const term = new AbortController();
  const told: ProofEvent[] = [];
  const running = runJobs({
    work: {
      repair,
      rebuild: (job) => inTransaction(pool, (tx) => job.complete(tx, {})),
    },
    observe: (event) => {
      told.push(event);
      if (event.type === 'job_finished' && event.kind === 'rebuild') term.abort();
    },
    // Long enough to be overtaken by nothing, and no longer.
    pause: (_ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) reject(new Error('aborted'));
        else setImmediate(resolve);
      }),
  })(leadershipUntil(term.signal));
  await running;
  const [failed, next] = await Promise.all(ids.map((id) => readJob(pool, id)));
  return { failed, next, told };
}

const CANT_CONVERT = 'Cannot convert lots to a BigInt';
/** As the database says it. */
const outOfRange = () => pool.query("select '9223372036854776000'::bigint");

test.each<[string, () => unknown, string]>([
  ['a value that nobody can read', () => BigInt('lots'), CANT_CONVERT],
  ['a number that is none', () => BigInt(1.5), '1.5 cannot be converted to a BigInt'],
  ['a value that the database refuses', outOfRange, '(22003)'],
  ['a statement that can not be run', () => pool.query('select 1 from nowhere'), '(42P01)'],
  [
    'books that contradict themselves',
    () => Promise.reject(new BooksContradict(['payout 7 is booked already'])),
    'payout 7 is booked already',
  ],
  ['a fault of its own', () => Promise.reject(new TypeError('x is undefined')), 'x is undefined'],
])('a job fails after three attempts because of %s, and the next one goes on', async (...story) => {
  const [, work, problem] = story;
  let attempts = 0;
  const { failed, next, told } = await runBoth(async () => {
    attempts += 1;
    await work();
  });
  expect(attempts).toBe(LASTING_ATTEMPTS_MAX);
  expect(failed).toMatchObject({ state: 'failed' });
  expect(failed?.problem).toContain(problem);
  expect(failed?.problem).toContain('the repair failed 3 times');
  expect(told).toContainEqual(
    expect.objectContaining({ type: 'job_finished', kind: 'repair', outcome: 'failed' }),
  );
  expect(next).toMatchObject({ state: 'done', problem: null });
});

test.each([
  ['a database that is away', Object.assign(new Error('terminating'), { code: '57P01' })],
  ['a node that is away', new Error('no node can be asked for its ledger')],
  [
    'a host that is away behind an error of another kind',
    new TypeError('fetch failed', {
      cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
    }),
  ],
])('a job is tried again for a long time because of %s', async (_what, error) => {
  let attempts = 0;
  const { failed, next } = await runBoth(() => {
    attempts += 1;
    return Promise.reject(error);
  });
  expect(attempts).toBe(ATTEMPTS_MAX);
  expect(failed).toMatchObject({ state: 'failed' });
  expect(next).toMatchObject({ state: 'done' });
});

test('what a job waited for is said until it gets on again, and no longer', async () => {
  let attempts = 0;
  const problems: (string | null | undefined)[] = [];
  const { failed: done } = await runBoth(async (job) => {
    attempts += 1;
    const look = async (): Promise<string | null | undefined> =>
      (await readJob(pool, job.id))?.problem;
    if (attempts < 3) throw new Error(`no node, ${attempts}`);
    problems.push(await look());
    await inTransaction(pool, (tx) => job.save(tx, { done: 1 }));
    problems.push(await look());
    if (attempts === 3) throw new Error('no node again');
    job.tell({ done: 2 });
    await vi.waitFor(async () => expect(await look()).toBeNull());
    await inTransaction(pool, (tx) => job.complete(tx, {}));
  });
  expect(problems).toEqual(['no node, 2', null, 'no node again', null]);
  expect(done).toMatchObject({ state: 'done', problem: null });
});
