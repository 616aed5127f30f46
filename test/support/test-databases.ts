import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { migrate } from '../../src/database/migrate.js';
import { readableTimes } from '../../src/database/readable-times.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { startKeeper } from './keeper.js';

/** Where a run's databases come from. Plain text, so that it can be handed to other processes. */
export type TestServer = {
  /** A role that may create databases. */
  readonly adminUrl: string;
  /** Every database of this run starts with it; nothing else on the server is touched. */
  readonly prefix: string;
  /** A migrated database to clone. */
  readonly template: string;
};

export type TestDatabase = {
  readonly url: string;
  readonly pool: pg.Pool;
  /** Closes the pool and drops the database, whoever else is connected to it. */
  drop(): Promise<void>;
};

/** Enough for a test with two instances; the server takes 300 in all. */
const POOL_MAX = 10;

/** An embedded server, or `databaseUrl` where it is given. `close` leaves nothing behind. */
export async function startTestServer(
  databaseUrl: string | undefined,
): Promise<{ server: TestServer; close: () => Promise<void> }> {
  const prefix = `teller_test_${randomBytes(5).toString('hex')}_`;
  const { adminUrl, close } = await openServer(databaseUrl, prefix);
  const server = { adminUrl, prefix, template: `${prefix}template` };
  try {
    await makeTemplate(server);
    return { server, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A database with the current schema and no rows. */
export const cloneTemplate = (server: TestServer): Promise<TestDatabase> =>
  createDatabase(server, `template ${pg.escapeIdentifier(server.template)}`);

/** A copy of a database as it is now, as a backup is one. Whoever is connected to it is cut off. */
export async function copyDatabase(server: TestServer, url: string): Promise<TestDatabase> {
  const original = new URL(url).pathname.slice(1);
  await withClient(server.adminUrl, (admin) => admin.query(CUT_OFF, [original]));
  return createDatabase(server, `template ${pg.escapeIdentifier(original)}`);
}

const CUT_OFF = 'select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1';

/** A database without a schema, for tests of the migrations themselves. */
export const createBlank = (server: TestServer): Promise<TestDatabase> =>
  createDatabase(server, 'template template0');

async function openServer(databaseUrl: string | undefined, prefix: string) {
  if (databaseUrl === undefined || databaseUrl === '') {
    const embedded = await startEmbeddedPostgres({ durable: false });
    return { adminUrl: embedded.url, close: () => embedded.close() };
  }
  const keeper = startKeeper();
  await keeper.ask({ command: 'keepDatabases', url: databaseUrl, prefix });
  return { adminUrl: databaseUrl, close: () => keeper.close() };
}

async function makeTemplate(server: TestServer): Promise<void> {
  await withClient(server.adminUrl, (admin) =>
    admin.query(`create database ${pg.escapeIdentifier(server.template)} template template0`),
  );
  await migrate(databaseUrlOf(server, server.template));
}

async function createDatabase(server: TestServer, options: string): Promise<TestDatabase> {
  const name = `${server.prefix}${randomBytes(6).toString('hex')}`;
  const quoted = pg.escapeIdentifier(name);
  await withClient(server.adminUrl, (admin) => admin.query(`create database ${quoted} ${options}`));
  const url = databaseUrlOf(server, name);
  const pool = new pg.Pool({ connectionString: url, max: POOL_MAX, types: readableTimes });
  // Tests cut connections on purpose; an idle client's error without a listener ends the process.
  pool.on('error', () => undefined);
  return {
    url,
    pool,
    drop: async () => {
      await pool.end();
      await withClient(server.adminUrl, (admin) =>
        admin.query(`drop database if exists ${quoted} with (force)`),
      );
    },
  };
}

function databaseUrlOf(server: TestServer, name: string): string {
  const url = new URL(server.adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
