import { afterEach, beforeEach, expect, test } from 'vitest';
import { createEmptyDatabase } from '../../test/support/database.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import { CODE_VERSION, knownMigrations, migrate, pendingMigrations } from './migrate.js';

let database: TestDatabase;
beforeEach(async () => {
  database = await createEmptyDatabase();
});
afterEach(() => database.drop());

test('a new database gets the whole schema, once', async () => {
  expect(await pendingMigrations(database.url)).toEqual(knownMigrations());
  expect(await migrate(database.url)).toEqual(knownMigrations());
  expect(await pendingMigrations(database.url)).toEqual([]);
  expect(await migrate(database.url)).toEqual([]);
  const { rows } = await database.pool.query('select count(*) from payment_addresses');
  expect(rows).toEqual([{ count: '0' }]);
});

test('instances that start at the same time take turns and all succeed', async () => {
  const results = await Promise.all([1, 2, 3, 4].map(() => migrate(database.url)));
  expect(results.map((names) => names.length).sort()).toEqual([0, 0, 0, knownMigrations().length]);
});

test('asking what is pending changes nothing', async () => {
  await pendingMigrations(database.url);
  const { rows } = await database.pool.query(
    "select count(*)::int as tables from information_schema.tables where table_schema = 'public'",
  );
  expect(rows).toEqual([{ tables: 0 }]);
});

test('a schema of a later version is used as long as it allows this code', async () => {
  await migrate(database.url);
  await database.pool.query(
    "insert into teller_migrations (name, run_on) values ('9999_later', now())",
  );
  expect(await pendingMigrations(database.url)).toEqual([]);
  expect(await migrate(database.url)).toEqual([]);

  await database.pool.query('update schema_compatibility set oldest_code = $1', [CODE_VERSION + 1]);
  await expect(pendingMigrations(database.url)).rejects.toThrow(
    /newer than this version.*9999_later/,
  );
  await expect(migrate(database.url)).rejects.toThrow('upgrade teller');
});

test('what is wrong with a migration itself is told at once', async () => {
  await migrate(database.url);
  await database.pool.query('delete from teller_migrations');
  await expect(migrate(database.url)).rejects.toThrow('already exists');
});
