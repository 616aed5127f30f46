import { afterAll, beforeEach, expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { type Matched, openWatch } from './watch.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => pool.query('truncate payment_addresses cascade'));

const open = (before: Matched | null = null) =>
  openWatch(
    pool,
    { partitionId: 0, jobId: '1', hotWallet: null, fromHeight: -1, cursorHeight: 9, before },
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

test('an address that was registered since blocks were matched is told of before it is learned', async () => {
  const watch = await open();
  watch.noteMatched(6);
  await register(1, 6);
  expect(await watch.missedAbove(-1)).toBeNull();
  await moveBack(1, 4);
  expect(await watch.missedAbove(-1)).toBe(4);
});

test('who goes on with a rebuild looks for what was registered since', async () => {
  await register(1, 0);
  const first = await open();
  await first.learnFor(6, 9);
  first.noteMatched(6);
  await register(2, 6);
  await moveBack(2, 4);
  const next = await open({ above: first.watchedUpTo(), matchedThrough: 6 });
  next.noteMatched(6);
  expect(await next.missedAbove(-1)).toBe(4);
  next.noteMatched(4);
  expect(await next.missedAbove(-1)).toBeNull();
});

test('what a ledger told of below blocks that are matched has to be looked for in them', async () => {
  await register(1, 0);
  const watch = await open();
  await watch.learnFor(6, 9);
  watch.noteMatched(6);
  const tell = (digit: string, countedFrom: number) =>
    pool.query(
      `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status, counted_from)
       values (repeat($1, 64), 0, $2, 'ann', 5, 'confirmed', $3)`,
      [digit, enterpriseAddress(1), countedFrom],
    );
  await tell('a', 6);
  expect(await watch.missedAbove(-1)).toBeNull();
  await tell('b', 3);
  expect(await watch.missedAbove(-1)).toBe(3);
  await watch.learnFor(7, 9);
  expect(await watch.missedAbove(-1)).toBe(3);
  watch.noteMatched(3);
  expect(await watch.missedAbove(-1)).toBeNull();
});

test('nobody goes back twice for what was told below where reading begins', async () => {
  await register(1, 0);
  const watch = await open();
  watch.noteMatched(8);
  await pool.query(
    `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status, counted_from)
     values (repeat('c', 64), 0, $1, 'ann', 5, 'confirmed', 2)`,
    [enterpriseAddress(1)],
  );
  expect(await watch.missedAbove(5)).toBe(5);
  await watch.learnFor(9, 9);
  expect(await watch.missedAbove(5)).toBe(5);
  watch.noteMatched(5);
  expect(await watch.missedAbove(5)).toBeNull();
  watch.noteMatched(9);
  expect(await watch.missedAbove(5)).toBeNull();
});
