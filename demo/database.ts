import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { startEmbeddedPostgres } from '../test/support/embedded-postgres.js';
import { startKeeper } from '../test/support/keeper.js';

/** An empty database for one demonstration. It is gone when the demo is, however that ends. */
export type DemoDatabase = {
  readonly url: string;
  readonly where: string;
  readonly close: () => Promise<void>;
};

/** An embedded server, or a database of our own on the server that `DATABASE_URL` names. */
export async function openDatabase(serverUrl: string | undefined): Promise<DemoDatabase> {
  if (serverUrl === undefined || serverUrl === '') {
    const server = await startEmbeddedPostgres({ durable: false });
    return { url: server.url, where: 'an embedded PostgreSQL', close: () => server.close() };
  }
  const prefix = `teller_demo_${randomBytes(5).toString('hex')}`;
  const keeper = startKeeper();
  try {
    await keeper.ask({ command: 'keepDatabases', url: serverUrl, prefix });
    const admin = new pg.Client({ connectionString: serverUrl });
    await admin.connect();
    await admin.query(`create database ${pg.escapeIdentifier(prefix)}`).finally(() => admin.end());
  } catch (error) {
    await keeper.close();
    throw error;
  }
  const url = new URL(serverUrl);
  url.pathname = `/${prefix}`;
  const where = `the database ${prefix} on your PostgreSQL (DATABASE_URL)`;
  return { url: url.href, where, close: () => keeper.close() };
}
