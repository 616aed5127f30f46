import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEmptyDatabase } from '../../test/support/database.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import { inTransaction } from './transaction.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createEmptyDatabase();
  await database.pool.query('create table facts (fact int)');
});
afterAll(() => database.drop());

test('a connection that is cut between two statements fails the transaction, not the process', async () => {
  const cut = inTransaction(database.pool, async (tx) => {
    await tx.query('insert into facts values (1)');
    const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
    await database.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    // Nothing is asked of the connection while it breaks: the error finds no query to fail.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await tx.query('insert into facts values (2)');
  });
  await expect(cut).rejects.toThrow();
  const { rows } = await database.pool.query('select * from facts');
  expect(rows).toEqual([]);
});

test('work that fails leaves nothing behind, and its own error is the one that is told', async () => {
  const failing = inTransaction(database.pool, async (tx) => {
    await tx.query('insert into facts values (3)');
    throw new Error('changed our mind');
  });
  await expect(failing).rejects.toThrow('changed our mind');
  const { rows } = await database.pool.query('select * from facts');
  expect(rows).toEqual([]);
});
