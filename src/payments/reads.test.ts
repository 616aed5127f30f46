import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import type { Queryable } from '../database/transaction.js';
import { readBalances, readLedger, verifyBalances } from './balance-reads.js';
import { CursorError, type Page, writeCursor } from './pages.js';
import { countAll, listAddresses, listPayments, readPayment, showAddress } from './reads.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.pool.query(
    'truncate payment_addresses, incoming_payments, balance_transactions, user_balances, sync_state cascade',
  );
  await database.pool.query(`
    insert into sync_state (partition_id, total_partitions, network, last_slot, last_block_hash,
                            last_block_height)
    values (0, 1, 'preprod', 2000, repeat('c', 64), 110)`);
  await database.pool.query(`
    insert into payment_addresses (address, partition_id, user_id, reference_id)
    select 'addr-' || n, 0, 'user-' || n % 3, 'order-' || n from generate_series(1, 30) as n`);
});

/** Every ten payments share one microsecond: the rest of the key has to tell them apart. */
const insertPayments = () =>
  database.pool.query(`
    insert into incoming_payments (tx_hash, output_index, address, user_id, reference_id,
      amount_lovelace, assets, status, required_confirmations, block_hash, block_height, slot,
      detected_at, confirmed_at)
    select lpad(to_hex(n), 64, '0'), n % 4, 'addr-' || n, 'user-' || n % 3, 'order-' || n,
           18446744073709551615, '{"00": "9007199254740993"}',
           case when n % 2 = 0 then 'confirmed' else 'pending' end, 6, repeat('b', 64), 100 + n, 1000 + n,
           timestamptz '2026-01-01 00:00:00.000001Z' + (n / 10) * interval '1 microsecond', null
      from generate_series(1, 30) as n`);

async function readAll<T>(read: (cursor?: string) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await read(cursor);
    items.push(...page.items);
    if (page.nextCursor === null) return items;
    cursor = page.nextCursor;
  }
}

describe('payments', () => {
  beforeEach(insertPayments);

  test('one is shown exactly, with confirmations up to the cursor', async () => {
    const txHash = `${'0'.repeat(62)}01`;
    expect(await readPayment(database.pool, txHash, 1)).toMatchObject({
      txHash,
      outputIndex: 1,
      amountLovelace: '18446744073709551615',
      assets: { '00': '9007199254740993' },
      confirmations: 10,
      blockHeight: 101,
      detectedAt: '2026-01-01T00:00:00.000Z',
      confirmedAt: null,
    });
    expect(await readPayment(database.pool, txHash, 2)).toBeNull();
  });

  test.each([1, 3, 7, 10, 29, 30, 31])(
    'pages of %i give each one once, in order',
    async (limit) => {
      const all = await readAll((cursor) => listPayments(database.pool, {}, { limit, cursor }));
      expect(all).toHaveLength(30);
      expect(new Set(all.map((payment) => payment.txHash)).size).toBe(30);
      expect(all.map((payment) => payment.txHash)).toEqual(
        all.map((payment) => payment.txHash).sort(),
      );
    },
  );

  test('filters hold together and on every page', async () => {
    const filter = { userId: 'user-0', status: 'confirmed' as const };
    const found = await readAll((cursor) =>
      listPayments(database.pool, filter, { limit: 2, cursor }),
    );
    expect(found.map((payment) => payment.referenceId)).toEqual(
      [6, 12, 18, 24, 30].map((n) => `order-${n}`),
    );
    const page = { limit: 500 };
    expect((await listPayments(database.pool, { address: 'addr-7' }, page)).items).toHaveLength(1);
    expect(
      (await listPayments(database.pool, { referenceId: 'order-8' }, page)).items,
    ).toHaveLength(1);
    const since = new Date('2026-01-02T00:00:00Z');
    expect((await listPayments(database.pool, { since }, page)).items).toEqual([]);
  });

  test.each(['seen', 'rolled_back', 'ignored'] as const)(
    'those that are %s are found without walking over all the others',
    async (status) => {
      await database.pool.query(
        `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace,
           status, detected_at)
         select lpad(to_hex(1000 + n), 64, '0'), 0, 'addr-1', 'user-1', 5,
                case when n = 19000 then $1 else 'confirmed' end,
                timestamptz '2026-01-02 00:00:00Z' + n * interval '1 second'
           from generate_series(1, 20000) as n`,
        [status],
      );
      await database.pool.query('analyze incoming_payments');
      const plans: string[] = [];
      const explaining: Queryable = {
        query: async (text, values) => {
          const plan = await database.pool.query<{ 'QUERY PLAN': string }>(
            `explain ${text}`,
            values,
          );
          plans.push(plan.rows.map((row) => row['QUERY PLAN']).join('\n'));
          return database.pool.query(text, values);
        },
      };
      const page = { limit: 100 };
      const { items } = await listPayments(explaining, { status }, page);
      expect(items.map((item) => item.status)).toEqual([status]);
      const cursor = writeCursor('payments', ['2026-01-02 00:00:01', 'f'.repeat(64), 0]);
      await listPayments(explaining, { status }, { ...page, cursor });
      expect(plans).toHaveLength(2);
      for (const plan of plans) expect(plan).toContain('incoming_payments_rare');
    },
  );

  test.each(['infinity', '-infinity', '294276-12-31', '4713-01-01 BC'])(
    'are listed, page by page, where another hand wrote %s for their times',
    async (time) => {
      const { rowCount } = await database.pool.query(
        'update incoming_payments set detected_at = $1, confirmed_at = $1 where output_index = 2',
        [time],
      );
      const read = (cursor?: string) => listPayments(database.pool, {}, { limit: 1, cursor });
      const items = await readAll(read);
      expect(items).toHaveLength(30);
      const ofNoTime = items.filter(({ outputIndex }) => outputIndex === 2);
      expect(ofNoTime).toHaveLength(rowCount ?? 0);
      const isBefore = time.endsWith('BC');
      for (const { detectedAt, confirmedAt } of isBefore ? [] : ofNoTime) {
        expect([detectedAt, confirmedAt]).toEqual(['1970-01-01T00:00:00.000Z', null]);
      }
    },
  );

  test('are counted by status, those that have none too', async () => {
    expect(await countAll(database.pool)).toEqual({
      watchedAddresses: 30,
      payments: { seen: 0, pending: 15, confirmed: 15, rolled_back: 0, ignored: 0 },
    });
  });
});

describe('addresses', () => {
  test("are listed in the order of their registration, all or a user's", async () => {
    const all = await readAll((cursor) => listAddresses(database.pool, {}, { limit: 7, cursor }));
    expect(all.map((one) => one.address)).toEqual(
      Array.from({ length: 30 }, (_, index) => `addr-${index + 1}`),
    );
    const filter = { userId: 'user-1' };
    const hers = await readAll((cursor) =>
      listAddresses(database.pool, filter, { limit: 4, cursor }),
    );
    expect(hers).toHaveLength(10);
  });

  test('one is shown with its owner', async () => {
    expect(await showAddress(database.pool, 'addr-4')).toMatchObject({
      address: 'addr-4',
      userId: 'user-1',
      referenceType: null,
      referenceId: 'order-4',
      metadata: null,
    });
    expect(await showAddress(database.pool, 'addr-31')).toBeNull();
  });
});

describe('a cursor', () => {
  test.each([
    'x',
    '',
    'AAAA',
    writeCursor('addresses', [1]),
    writeCursor('payments', ['yesterday', 'a'.repeat(64), 0]),
    writeCursor('payments', ['2026-01-01 00:00:00', "' or true --", 0]),
    writeCursor('payments', ['2026-01-01 00:00:00', 'a'.repeat(64)]),
  ])('that was made up is refused: %s', async (cursor) => {
    await expect(listPayments(database.pool, {}, { limit: 1, cursor })).rejects.toThrow(
      CursorError,
    );
  });
});

const insertEntries = () =>
  database.pool.query(`
    insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
    values ('ann', 'lovelace', 'pending', 'credit', 18446744073709551615, 'payment_detected'),
           ('ann', 'lovelace', 'pending', 'debit', 18446744073709551615, 'payment_confirmed'),
           ('ann', 'lovelace', 'available', 'credit', 18446744073709551615, 'payment_confirmed'),
           ('ann', repeat('a', 56), 'available', 'credit', 5, 'payment_confirmed'),
           ('bob', 'lovelace', 'held', 'credit', 3, 'payout')`);

describe('balances', () => {
  beforeEach(async () => {
    await insertEntries();
    await database.pool.query(`
      insert into user_balances (user_id, unit, available, held, pending)
      values ('ann', repeat('a', 56), 5, 0, 0), ('ann', 'lovelace', 18446744073709551615, 0, 0),
             ('bob', 'lovelace', 0, 3, 0), ('cay', 'lovelace', 0, 0, 0)`);
  });

  test('of a user show ada first, exactly', async () => {
    expect(await readBalances(database.pool, 'ann')).toEqual([
      { unit: 'lovelace', available: '18446744073709551615', held: '0', pending: '0' },
      { unit: 'a'.repeat(56), available: '5', held: '0', pending: '0' },
    ]);
    expect(await readBalances(database.pool, 'nobody')).toEqual([]);
  });

  test('have a ledger that is read oldest first, page by page', async () => {
    const entries = await readAll((cursor) =>
      readLedger(database.pool, 'ann', { limit: 2, cursor }),
    );
    expect(entries.map((entry) => `${entry.bucket} ${entry.type}`)).toEqual([
      'pending credit',
      'pending debit',
      'available credit',
      'available credit',
    ]);
    expect(entries[0]).toMatchObject({
      amount: '18446744073709551615',
      txHash: null,
      payoutId: null,
    });
  });

  test('that equal their entries are verified', async () => {
    expect(await verifyBalances(database.pool)).toEqual({
      balances: 4,
      entries: 5,
      mismatchCount: 0,
      mismatches: [],
    });
  });

  test.each([
    [
      'one lovelace too much',
      "update user_balances set available = available + 1 where user_id = 'ann'",
      2,
    ],
    [
      'the same sum in another bucket',
      "update user_balances set held = 0, pending = 3 where user_id = 'bob'",
      1,
    ],
    [
      'a balance without entries',
      "update user_balances set available = 1 where user_id = 'cay'",
      1,
    ],
    ['entries without a balance', "delete from user_balances where user_id = 'bob'", 1],
  ])('with %s are found', async (_, damage, count) => {
    await database.pool.query(damage);
    const { mismatchCount, mismatches } = await verifyBalances(database.pool);
    expect(mismatchCount).toBe(count);
    expect(mismatches).toHaveLength(count);
    expect(mismatches[0]?.recorded).not.toEqual(mismatches[0]?.computed);
  });
});
