import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { booksBeingMade } from './unfinished-books.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('books are awaited while the rebuild of a restore is under way, and not once it failed', async () => {
  const { pool } = database;
  expect(await booksBeingMade(pool)).toBeNull();
  await pool.query(
    `insert into chain_jobs (kind, params, requested_by)
     values ('rebuild', '{"from": "origin", "dryRun": false, "after": "restore"}', 'test')`,
  );
  expect(await booksBeingMade(pool)).toContain('after a restore (it is queued)');
  await pool.query("update chain_jobs set state = 'running'");
  expect(await booksBeingMade(pool)).toContain('(it is running)');
  await pool.query("update chain_jobs set state = 'failed', problem = 'no node'");
  expect(await booksBeingMade(pool)).toBeNull();
});
