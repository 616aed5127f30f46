import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runner } from 'node-pg-migrate';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createEmptyDatabase } from '../../test/support/database.js';
import { tellerInTests } from '../../test/support/teller.js';
import { knownMigrations } from '../database/migrate.js';

const { teller } = tellerInTests();

const DIRECTORY = join(import.meta.dirname, '../../migrations');

/** A database that an older version of teller made, with that many of its migrations. */
async function databaseOf(count: number) {
  const database = await createEmptyDatabase();
  const client = await database.pool.connect();
  await runner({
    dbClient: client,
    dir: DIRECTORY,
    direction: 'up',
    migrationsTable: 'teller_migrations',
    count,
    noLock: true,
    log: () => undefined,
  });
  client.release();
  return database;
}

const POINT = `1000.${'a'.repeat(64)}`;

/** Each with the last schema that it can't be used with. */
const VERBS: [last: number, ...words: string[]][] = [
  [2, 'reconcile'],
  [3, 'reconcile', '--repair'],
  [3, 'rebuild', '--from', 'origin'],
  [3, 'rebuild', '--from', POINT],
  [2, 'balance', 'verify'],
  [3, 'backup', '--to', tmpdir()],
  [3, 'status', '--json'],
];

describe.each([2, 3])('a database with the first %i migrations', (count) => {
  const pending = knownMigrations().slice(count);
  let environment: NodeJS.ProcessEnv = {};
  beforeAll(async () => {
    const database = await databaseOf(count);
    environment = {
      NETWORK: 'preprod',
      DATABASE_URL: database.url,
      OGMIOS_URL: 'ws://127.0.0.1:1',
    };
    return () => database.drop();
  });

  const cases = VERBS.filter(([last]) => count <= last).map(([, ...words]) => ({ words }));
  test.each(cases)('is told by its pending migrations: $words', async ({ words }) => {
    const { exitCode, out, err } = await teller(words, { environment });
    expect({ exitCode, out }, err).toEqual({ exitCode: 2, out: '' });
    for (const name of pending) expect(err).toContain(name);
    expect(err).toContain('DATABASE_URL');
    expect(err).toContain('`teller migrate`');
    expect(err).not.toContain(knownMigrations()[0]);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });
});

test('a table that is gone from a current schema is not told as an older one', async () => {
  const database = await databaseOf(knownMigrations().length);
  onTestFinished(() => database.drop());
  await database.pool.query('drop table backups');
  const environment = { NETWORK: 'preprod', DATABASE_URL: database.url };
  const { exitCode, err } = await teller(['status'], { environment });
  expect(exitCode).toBe(1);
  expect(err).toContain('no migration is pending');
  expect(err).toContain('backups');
});
