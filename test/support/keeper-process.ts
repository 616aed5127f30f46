/**
 * Keeps what must not outlive a run: servers and databases. It is a process of its own because the
 * run may be killed with a signal that nothing can catch; the closing of the channel to the run is
 * what it waits for. Its own session keeps a terminal's Ctrl-C away from it, so it has time to clean.
 */
import pg from 'pg';
import type { KeeperReply, KeeperRequest } from './keeper.js';
import { createPostgresServer, type PostgresServer } from './postgres-server.js';
import { createRedisProcess, type RedisProcess } from './redis-process.js';

let server: PostgresServer | RedisProcess | undefined;
let databases: { readonly url: string; readonly prefix: string } | undefined;
let busy: Promise<unknown> = Promise.resolve();

process.on('SIGTERM', () => undefined);
process.on('SIGINT', () => undefined);

process.on('message', (request: KeeperRequest) => {
  busy = busy.then(() => answer(request));
});
process.once('disconnect', () => {
  void busy.then(async () => {
    await dropDatabases().catch((error: unknown) => console.error(error));
    await server?.remove();
    process.exit(0);
  });
});

async function answer(request: KeeperRequest): Promise<void> {
  let reply: KeeperReply;
  try {
    reply = { id: request.id, ok: true, value: await perform(request) };
  } catch (error) {
    reply = { id: request.id, ok: false, error: error instanceof Error ? error.message : 'failed' };
  }
  // The run may be gone by now; then nobody wants the answer.
  if (process.connected) process.send?.(reply, () => undefined);
}

async function perform(request: KeeperRequest): Promise<string> {
  switch (request.command) {
    case 'create':
      server = await createPostgresServer(request.options);
      return server.url;
    case 'createRedis':
      server = await createRedisProcess(request.options);
      return server.url;
    case 'start':
      await server?.start();
      return '';
    case 'stopHard':
      await server?.stopHard();
      return '';
    case 'keepDatabases':
      databases = { url: request.url, prefix: request.prefix };
      return '';
  }
}

async function dropDatabases(): Promise<void> {
  if (databases === undefined) return;
  const client = new pg.Client({ connectionString: databases.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1)',
      [databases.prefix],
    );
    for (const { datname } of rows) {
      await client.query(`drop database if exists ${pg.escapeIdentifier(datname)} with (force)`);
    }
  } finally {
    await client.end();
  }
}
