import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { openWatch, type Watch, type WatchScope } from './watch.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => pool.query('truncate payment_addresses cascade'));

const open = (before: WatchScope['before'] = null) =>
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

/** As a ledger does. */
const tell = (digit: string, countedFrom: number) =>
  pool.query(
    `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status, counted_from)
     values (repeat($1, 64), 0, $2, 'ann', 5, 'confirmed', $3)`,
    [digit, enterpriseAddress(1), countedFrom],
  );
const matchUpTo = async (watch: Watch, height: number): Promise<void> => {
  await watch.learnFor(height, 9);
  watch.noteMatched(height);
};
/** Who takes over once the first one was killed, with what it saved. */
const goOn = async (killed: Watch, matchedThrough: number): Promise<Watch> => {
  const next = await open({ looked: killed.looked(), matchedThrough });
  next.noteMatched(matchedThrough);
  return next;
};

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

describe('who goes on with a rebuild', () => {
  beforeEach(() => register(1, 0));

  test.each<[string, () => Promise<unknown>]>([
    ['was registered', () => register(2, 6).then(() => moveBack(2, 4))],
    ['a ledger told of', () => tell('b', 4)],
  ])('looks for what %s since', async (_, since) => {
    const first = await open();
    await tell('a', 3);
    await matchUpTo(first, 6);
    await since();
    const next = await goOn(first, 6);
    expect(await next.missedAbove(-1)).toBe(4);
    next.noteMatched(4);
    expect(await next.missedAbove(-1)).toBeNull();
  });

  test('looks for what was told of, taken back, and is told of again once that one has begun', async () => {
    const first = await open();
    await matchUpTo(first, 6);
    await tell('a', 4);
    await pool.query("update incoming_payments set counted_from = null, status = 'rolled_back'");
    const next = await goOn(first, 6);
    expect(await next.missedAbove(-1)).toBeNull();
    await pool.query("update incoming_payments set counted_from = 3, status = 'pending'");
    expect(await next.missedAbove(-1)).toBe(3);
    await next.learnFor(7, 9);
    expect(await next.missedAbove(-1)).toBe(3);
  });

  test('looks once more for nothing that was looked for from where it counts', async () => {
    await tell('a', 3);
    const first = await open();
    await matchUpTo(first, 4);
    await tell('b', 4);
    await register(2, 4);
    await matchUpTo(first, 6);
    const next = await goOn(first, 6);
    expect(await next.missedAbove(-1)).toBeNull();
  });

  test('looks for what the one before it had learned of, and was killed before it could go back', async () => {
    const first = await open();
    await matchUpTo(first, 6);
    await tell('a', 4);
    await register(2, 6);
    await matchUpTo(first, 8);
    const next = await goOn(first, 8);
    expect(await next.missedAbove(-1)).toBe(4);
    await moveBack(2, 2);
    const last = await goOn(next, 8);
    expect(await last.missedAbove(-1)).toBe(2);
  });

  test('takes nothing as looked for where nobody knows what was', async () => {
    const next = await open({ looked: null, matchedThrough: 6 });
    next.noteMatched(6);
    expect(await next.missedAbove(-1)).toBe(-1);
    expect(await next.missedAbove(2)).toBe(2);
    next.noteMatched(2);
    expect(await next.missedAbove(2)).toBeNull();
  });
});

test('what was moved back stays missed until somebody looks, however far the books have gone on', async () => {
  const watch = await open();
  await matchUpTo(watch, 6);
  await register(2, 6);
  await watch.learnFor(8, 9);
  await moveBack(2, 4);
  watch.noteMatched(8);
  await watch.learnFor(9_000, 9_000);
  watch.noteMatched(9_000);
  await watch.learnFor(9_001, 9_001);
  expect(await watch.missedAbove(-1)).toBe(4);
});

test('what a ledger told of below blocks that are matched has to be looked for in them', async () => {
  await register(1, 0);
  const watch = await open();
  await matchUpTo(watch, 6);
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
  await tell('c', 2);
  expect(await watch.missedAbove(5)).toBe(5);
  await watch.learnFor(9, 9);
  expect(await watch.missedAbove(5)).toBe(5);
  watch.noteMatched(5);
  expect(await watch.missedAbove(5)).toBeNull();
  watch.noteMatched(9);
  expect(await watch.missedAbove(5)).toBeNull();
});
