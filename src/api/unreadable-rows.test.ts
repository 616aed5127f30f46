import type pg from 'pg';
import { beforeEach, describe, expect, test } from 'vitest';
import { fillEveryTable } from '../../test/support/every-table.js';
import { serveInTests } from '../../test/support/http.js';

const { under, get } = serveInTests();
beforeEach(async () => {
  const { rows } = await under.database.pool.query<{ all: string }>(`
    select string_agg(quote_ident(tablename), ', ') as all from pg_tables
     where schemaname = current_schema() and tablename not in ('pgmigrations', 'payout_control')`);
  await under.database.pool.query(`truncate ${rows[0]?.all} cascade`);
});

const TIMES = `
  select table_name, column_name from information_schema.columns
   where table_schema = current_schema() and data_type = 'timestamp with time zone'
     and table_name in (select table_name from information_schema.tables where table_type = 'BASE TABLE')`;

const ANOTHER_PAYOUT = `
  insert into outbound_payments
         (id, api_key, idempotency_key, body_hash, destination_address, amount_lovelace, status, created_by)
  select $1, api_key, 'another', body_hash, destination_address, 8, 'queued', created_by from outbound_payments`;

const hex = (digit: string): string => digit.repeat(64);
const PATHS = [
  '/v1/addresses',
  '/v1/payments',
  `/v1/payments/${hex('2')}/0`,
  '/v1/users/bob/balances',
  '/v1/users/bob/ledger',
  '/v1/payouts',
  `/v1/payouts/${'d'.repeat(32)}`,
  '/status',
  '/metrics',
];

/** Rows in every table, and what each path answers once another hand was there. */
async function answersAfter(change: (pool: pg.Pool) => Promise<unknown>): Promise<string[]> {
  const { pool } = under.database;
  await fillEveryTable(pool);
  await pool.query(ANOTHER_PAYOUT, ['e'.repeat(32)]);
  await change(pool);
  return Promise.all(PATHS.map(async (path) => `${path} ${(await get(path)).status}`));
}

async function writeTimes(pool: pg.Pool, written: string): Promise<void> {
  const { rows } = await pool.query<{ table_name: string; column_name: string }>(TIMES);
  expect(rows.length).toBeGreaterThan(20);
  for (const { table_name: table, column_name: column } of rows) {
    await pool.query(`update ${table} set ${column} = $1 where ${column} is not null`, [written]);
  }
}

const FINE = PATHS.map((path) => `${path} 200`);

/** How many items a list has, read one by one. */
async function pagesOf(list: string): Promise<number> {
  type Answer = { items: unknown[]; nextCursor: string | null };
  let [items, cursor] = [0, ''];
  do {
    const { status, body } = await get(`${list}?limit=1${cursor}`);
    expect(status).toBe(200);
    const page = body as Answer;
    items += page.items.length;
    cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`;
  } while (cursor !== '');
  return items;
}

describe('what another hand wrote keeps nobody from reading the rest', () => {
  test.each(['infinity', '-infinity', '294276-12-31', '4713-01-01 BC'])(
    'where every time is %s, which no clock shows',
    async (written) => {
      expect(await answersAfter((pool) => writeTimes(pool, written))).toEqual(FINE);
      expect(await pagesOf('/v1/payouts')).toBe(2);
      expect(await pagesOf('/v1/payments')).toBe(5);
    },
  );

  test('where it is no reason of the chain guard, and holds until a person lets it pass', async () => {
    const change = `update chain_guard set held_at = now(), reasons = '"x"', witnesses = '7'`;
    expect(await answersAfter((pool) => pool.query(change))).toEqual(FINE);
    expect((await get('/status')).body).toMatchObject({
      guard: {
        held: true,
        reasons: [{ detail: expect.stringContaining('another hand') as string }],
        witnesses: [],
      },
    });
  });
});
