import { afterAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import type { Queryable } from '../../database/transaction.js';
import { followJob, JobOutOfSight } from './follow-job.js';
import { jobAhead, requestJob } from './job-queries.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => pool.query('truncate chain_jobs cascade'));

/** Counted from where a test asks for it: one for all would run out while the first are at work. */
const soon = (): AbortSignal => AbortSignal.timeout(20_000);
const ask = () =>
  requestJob(pool, { partitionId: 0, kind: 'rebuild', params: {}, requestedBy: 'test' });

/** A database that is away for so many questions. */
function awayFor(questions: number): Queryable {
  let asked = 0;
  return {
    query: (text, values) => {
      asked += 1;
      if (asked <= questions) {
        return Promise.reject(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
      }
      return pool.query(text, values);
    },
  };
}

test('a job is waited for while the database is away for a moment, which is told once', async () => {
  const id = await ask();
  await pool.query("update chain_jobs set state = 'done'");
  const told: string[] = [];
  const away = (reason: string): void => void told.push(reason);
  const job = await followJob(awayFor(3), id, () => undefined, soon(), { away });
  expect(job).toMatchObject({ id, state: 'done' });
  expect(told).toEqual(['read ECONNRESET']);
});

test('a database that stays away ends the waiting, with what the job was last', async () => {
  const id = await ask();
  const db = awayFor(0);
  let looks = 0;
  const leaving: Queryable = {
    query: (text, values) => (looks > 0 ? awayFor(1) : db).query(text, values),
  };
  await pool.query("update chain_jobs set state = 'running'");
  const waiting = followJob(
    leaving,
    id,
    () => {
      looks += 1;
    },
    soon(),
    { patienceMs: 300 },
  );
  const error = await waiting.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(JobOutOfSight);
  expect(error).toMatchObject({ state: 'running', reason: 'read ECONNRESET' });
  expect(looks).toBe(1);
});

test('what the database refuses is no outage', async () => {
  await expect(followJob(pool, 'no number', () => undefined, soon())).rejects.toThrow(/bigint/);
});

test('a job that is queued waits for the one that somebody works on', async () => {
  await pool.query(
    `insert into chain_jobs (id, partition_id, kind, state, requested_by) overriding system value
     values (8, 0, 'rebuild', 'done', 'test'), (9, 0, 'repair', 'running', 'test'),
            (10, 0, 'rebuild', 'queued', 'test'), (11, 0, 'rebuild', 'queued', 'test'),
            (12, 1, 'rebuild', 'queued', 'test')`,
  );
  expect(await jobAhead(pool, '11')).toEqual({ id: '9', kind: 'repair' });
  expect(await jobAhead(pool, '12')).toBeNull();
  await pool.query("update chain_jobs set state = 'queued' where id = 9");
  expect(await jobAhead(pool, '11')).toBeNull();
});
