import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEmptyDatabase } from '../../test/support/database.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import { watchBusyClients } from './busy-clients.js';
import { inTransaction } from './transaction.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createEmptyDatabase();
});
afterAll(() => database.drop());

test('what waits for a connection that is ended fails at once, and the pool goes on', async () => {
  const busy = watchBusyClients(database.pool);
  const stuck = inTransaction(database.pool, (tx) => tx.query('select pg_sleep(20)'));
  const alone = database.pool.query('select pg_sleep(20)');
  await expect.poll(() => busy.now().length).toBe(2);
  const ended = Promise.allSettled([stuck, alone]);
  busy.end(busy.now());
  const reason = expect.objectContaining({ message: 'Connection terminated' }) as unknown;
  expect(await ended).toEqual([
    { status: 'rejected', reason },
    { status: 'rejected', reason },
  ]);
  expect(busy.now()).toEqual([]);
  expect((await database.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  busy.unwatch();
});

test('a connection that was given back and lent again is left alone', async () => {
  const busy = watchBusyClients(database.pool);
  const first = await database.pool.connect();
  const loans = busy.now();
  first.release();
  const second = await database.pool.connect();
  expect(second).toBe(first);
  busy.end(loans);
  expect((await second.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  second.release();
  busy.unwatch();
});
