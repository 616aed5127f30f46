import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../test/support/embedded-postgres.js';

export type DrillServer = {
  readonly url: string;
  /** SIGKILL, and then its files: nothing of it can be read any more. */
  readonly destroy: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** A PostgreSQL that commits to its disk, as in production; it is gone when the drill is. */
export async function startDrillServer(): Promise<DrillServer> {
  const server: EmbeddedPostgres = await startEmbeddedPostgres({ durable: true });
  const directory = await readDirectory(server.url);
  return {
    url: server.url,
    destroy: async () => {
      const [pid] = (await readFile(join(directory, 'postmaster.pid'), 'utf8')).split('\n');
      process.kill(Number(pid), 'SIGKILL');
      await rm(directory, { recursive: true, force: true, maxRetries: 10 });
    },
    close: () => server.close(),
  };
}

async function readDirectory(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ data_directory: string }>('show data_directory');
    const [row] = rows;
    if (row === undefined) throw new Error('PostgreSQL names no data directory');
    return row.data_directory;
  } finally {
    await client.end();
  }
}
