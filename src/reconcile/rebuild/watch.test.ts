import { afterAll, beforeEach, expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { openWatch } from './watch.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => pool.query('truncate payment_addresses cascade'));

const open = () =>
  openWatch(
    pool,
    { partitionId: 0, jobId: '1', hotWallet: null, fromHeight: -1, cursorHeight: 9 },
    new AbortController().signal,
  );
const register = (seed: number, watchedFrom: number) =>
  pool.query(
    `insert into payment_addresses (address, partition_id, user_id, watched_from)
     values ($1, 0, 'ann', $2)`,
    [enterpriseAddress(seed), watchedFrom],
  );
const moveBack = (seed: number, watchedFrom: number) =>
  pool.query('update payment_addresses set watched_from = $2 where address = $1', [
    enterpriseAddress(seed),
    watchedFrom,
  ]);

test('an address that a rollback makes count in blocks that were matched without it is told of', async () => {
  await register(1, 0);
  const watch = await open();
  await watch.learnFor(3, 5);
  watch.noteMatched(3);
  await register(2, 5);
  await watch.learnFor(6, 9);
  watch.noteMatched(6);
  expect(await watch.missedAbove(-1)).toBeNull();
  await moveBack(2, 1);
  expect(await watch.missedAbove(-1)).toBe(1);
  // What is below is none of the rebuild's affair.
  expect(await watch.missedAbove(2)).toBe(2);
  expect(await watch.missedAbove(3)).toBeNull();
  watch.noteMatched(1);
  expect(await watch.missedAbove(-1)).toBeNull();
});

test('one that was looked for from the beginning is told of by nobody, however far back it counts', async () => {
  await register(1, 5);
  const watch = await open();
  watch.noteMatched(6);
  await watch.learnFor(8, 9);
  await moveBack(1, 0);
  expect(await watch.missedAbove(-1)).toBeNull();
});
