import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';
import { describe, expect, inject, test, vi } from 'vitest';
import { createEmptyDatabase } from './database.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';

const CLEANED_WITHIN = { timeout: 10_000, interval: 50 };

describe('an embedded PostgreSQL', () => {
  test('keeps every commit through a hard stop when it is durable', async () => {
    const server = await startEmbeddedPostgres({ durable: true });
    try {
      await ask(server.url, 'create table kept (n int)');
      await ask(server.url, 'insert into kept values (1)');
      await server.stopHard();
      await expect(ask(server.url, 'select 1')).rejects.toThrow('ECONNREFUSED');
      await server.start();
      expect(await ask(server.url, 'select n from kept')).toEqual([{ n: 1 }]);
      expect(await ask(server.url, 'show fsync')).toEqual([{ fsync: 'on' }]);
    } finally {
      await server.close();
    }
  });

  test('breaks the connections that are open when it is stopped hard', async () => {
    const server = await startEmbeddedPostgres({ durable: false });
    const client = new pg.Client({ connectionString: server.url });
    try {
      await client.connect();
      const broken = once(client, 'error');
      await server.stopHard();
      await broken;
    } finally {
      await server.close();
    }
  });

  test('is gone, data and all, when its user closes it', async () => {
    const server = await startEmbeddedPostgres({ durable: false });
    const directory = await dataDirectory(server.url);
    expect(existsSync(directory)).toBe(true);
    await server.close();
    expect(existsSync(directory)).toBe(false);
    await expect(ask(server.url, 'select 1')).rejects.toThrow('ECONNREFUSED');
  });

  test.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)(
    'is gone, data and all, when its user ends by %s',
    async (signal) => {
      const { child, told: url } = await leaveBehind('server');
      const directory = await dataDirectory(url);
      await end(child, signal);
      await vi.waitFor(() => {
        expect(existsSync(directory)).toBe(false);
      }, CLEANED_WITHIN);
      await expect(ask(url, 'select 1')).rejects.toThrow('ECONNREFUSED');
    },
  );
});

describe('databases on a server that is not ours', () => {
  test('are dropped when their run is killed, and no other database is', async () => {
    const { adminUrl } = inject('testServer');
    const another = await createEmptyDatabase();
    try {
      const { child, told: template } = await leaveBehind('databases', adminUrl);
      expect(await databases(adminUrl)).toContain(template);
      await end(child, 'SIGKILL');
      await vi.waitFor(async () => {
        expect(await databases(adminUrl)).not.toContain(template);
      }, CLEANED_WITHIN);
      expect(await ask(another.url, 'select 1 as alive')).toEqual([{ alive: 1 }]);
    } finally {
      await another.drop();
    }
  });
});

async function leaveBehind(...args: string[]): Promise<{ child: ChildProcess; told: string }> {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const script = fileURLToPath(new URL('./left-behind.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', tsx, script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) return { child, told: line };
  throw new Error('The script ended before it said where its database is');
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

async function dataDirectory(url: string): Promise<string> {
  const [row] = await ask(url, "select current_setting('data_directory') as path");
  return String(row?.path);
}

const databases = async (url: string): Promise<string[]> =>
  (await ask(url, 'select datname from pg_database')).map((row) => String(row.datname));

async function ask(url: string, question: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(question)).rows;
  } finally {
    await client.end();
  }
}
