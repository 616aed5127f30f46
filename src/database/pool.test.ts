import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import { readSettings } from '../config.js';
import { createPool, describeDatabaseError, isTransient } from './pool.js';
import { inTransaction } from './transaction.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
afterEach(() => void vi.unstubAllEnvs());

const open = (
  behindPooler: boolean,
  idleErrors: Error[] = [],
  url: string = database.url,
): pg.Pool =>
  createPool({
    url,
    connectionsMax: 2,
    applicationName: 'teller test',
    behindPooler,
    onIdleError: (error) => idleErrors.push(error),
  });

const failureOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
};

const withOptions = (options: string): string => {
  const url = new URL(database.url);
  url.searchParams.set('options', options);
  return url.href;
};

describe('no statement is compiled before it runs', () => {
  const SETTING = "select current_setting('jit') as jit";

  test.each([false, true])(
    'in a transaction, also where sessions compile, behind a pooler: %s',
    async (behindPooler) => {
      const pool = open(behindPooler, [], withOptions('-c jit=on'));
      expect((await pool.query(SETTING)).rows).toEqual([{ jit: 'on' }]);
      const { rows } = await inTransaction(pool, (tx) => tx.query(SETTING));
      expect(rows).toEqual([{ jit: 'off' }]);
      await pool.end();
    },
  );

  test('by itself, where the session is ours', async () => {
    const pool = open(false);
    expect((await pool.query(SETTING)).rows).toEqual([{ jit: 'off' }]);
    await pool.end();
  });
});

describe("an operator's options of the session", () => {
  const SETTINGS =
    "select current_setting('jit') as jit, current_setting('search_path') as path, current_setting('work_mem') as memory";
  const THEIRS = '-c search_path=teller -c work_mem=5MB';
  const asSet = (environment: NodeJS.ProcessEnv): string =>
    readSettings({ DATABASE_URL: database.url, ...environment }, [
      'databaseUrl',
    ]).databaseUrl.reveal();

  test.each([false, true])(
    'in the environment count, behind a pooler: %s',
    async (behindPooler) => {
      const pool = open(behindPooler, [], asSet({ PGOPTIONS: THEIRS }));
      const jit = behindPooler ? 'on' : 'off';
      expect((await pool.query(SETTINGS)).rows).toEqual([{ jit, path: 'teller', memory: '5MB' }]);
      await pool.end();
    },
  );

  test.each([false, true])(
    'in the URL count instead of those, behind a pooler: %s',
    async (behindPooler) => {
      vi.stubEnv('PGOPTIONS', '-c search_path=elsewhere');
      const environment = { ...process.env, DATABASE_URL: withOptions(THEIRS) };
      const pool = open(behindPooler, [], asSet(environment));
      const jit = behindPooler ? 'on' : 'off';
      expect((await pool.query(SETTINGS)).rows).toEqual([{ jit, path: 'teller', memory: '5MB' }]);
      await pool.end();
    },
  );

  test.each([false, true])(
    'in the URL count instead also where they are none, behind a pooler: %s',
    async (behindPooler) => {
      vi.stubEnv('PGOPTIONS', '-c search_path=elsewhere');
      const environment = { ...process.env, DATABASE_URL: withOptions('') };
      const pool = open(behindPooler, [], asSet(environment));
      const usual = { jit: behindPooler ? 'on' : 'off', path: '"$user", public' };
      expect((await pool.query(SETTINGS)).rows).toMatchObject([usual]);
      await pool.end();
    },
  );
});

test('large numbers come out exactly', async () => {
  const pool = open(false);
  const { rows } = await pool.query<{ big: string; exact: string }>(
    'select 9007199254740993::bigint as big, 18446744073709551615::numeric as exact',
  );
  expect(rows).toEqual([{ big: '9007199254740993', exact: '18446744073709551615' }]);
  await pool.end();
});

test.each([
  [false, '15s'],
  [true, '0'],
])('with a pooler between: %s, an idle transaction ends after %s', async (behindPooler, limit) => {
  const pool = open(behindPooler);
  const { rows } = await pool.query('show idle_in_transaction_session_timeout');
  expect(rows).toEqual([{ idle_in_transaction_session_timeout: limit }]);
  await pool.end();
});

test('an idle connection that is cut is told and replaced', async () => {
  const idleErrors: Error[] = [];
  const pool = open(false, idleErrors);
  const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
  await database.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
  await expect.poll(() => idleErrors.length).toBe(1);
  expect(isTransient(idleErrors[0])).toBe(true);
  await expect(pool.query('select 1')).resolves.toMatchObject({ rowCount: 1 });
  await pool.end();
});

describe('what is worth another try', () => {
  test('a server that refuses connections is, a wrong query is not', async () => {
    const nowhere = new pg.Client({ connectionString: 'postgres://127.0.0.1:1/x' });
    const refused = await failureOf(nowhere.connect());
    expect(isTransient(refused)).toBe(true);
    expect(describeDatabaseError(refused)).toContain('ECONNREFUSED');
    const wrong = await failureOf(database.pool.query('select * from no_such_table'));
    expect(isTransient(wrong)).toBe(false);
    expect(describeDatabaseError(wrong)).toContain('42P01');
  });

  test.each([
    ['40001', true],
    ['40P01', true],
    ['08006', true],
    ['53300', true],
    ['57P01', true],
    ['23505', false],
    ['22021', false],
  ])('SQLSTATE %s: %s', (code, expected) => {
    expect(isTransient(Object.assign(new Error('x'), { code }))).toBe(expected);
  });

  test('so is a connection that ended under a query', () => {
    expect(isTransient(new Error('Connection terminated unexpectedly'))).toBe(true);
    expect(isTransient('Connection terminated unexpectedly')).toBe(false);
  });
});
