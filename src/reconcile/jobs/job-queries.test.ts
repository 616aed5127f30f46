import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { latestJobs, openJobs } from './job-queries.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

test('jobs keep their order where their numbers grow by a digit', async () => {
  await pool.query(
    `insert into chain_jobs (id, kind, requested_by) overriding system value
     select id, 'rebuild', 'test' from generate_series(8, 11) as id`,
  );
  expect((await openJobs(pool, 0)).map(({ id }) => id)).toEqual(['8', '9', '10', '11']);
  const latest = await latestJobs(pool, 0, 'rebuild', 2);
  expect(latest.map(({ id }) => id)).toEqual(['11', '10']);
});
