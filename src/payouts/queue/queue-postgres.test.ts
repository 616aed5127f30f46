import { afterEach, describe, expect, test, vi } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { startEmbeddedPostgres } from '../../../test/support/embedded-postgres.js';
import { isEmpty, listen, queuesAt, recordLog, SOON } from '../../../test/support/queues.js';
import { Secret } from '../../config/secret.js';
import { migrate, pendingMigrations } from '../../database/migrate.js';
import { prepareQueueTables } from './queue-postgres.js';

const ID = '0'.repeat(32);
let databaseUrl = '';
const queues = queuesAt(() => ({ redisUrl: null, databaseUrl }));
afterEach(() => queues.closeAll());

describe('a queue on PostgreSQL', () => {
  test('goes on after the server was gone, and says both once', async () => {
    const server = await startEmbeddedPostgres({ durable: true });
    try {
      databaseUrl = server.url;
      const { log, lines, events } = recordLog();
      const queue = await queues.open(log);
      const listener = await listen(queue);
      await server.stopHard();
      queue.nudge([ID]);
      await vi.waitFor(() => expect(events()).toContain('queue_lost'), SOON);
      expect(await queue.liveIds([ID])).toEqual(new Set());
      const before = listener.looks;
      await server.start();
      await vi.waitFor(() => expect(events()).toContain('queue_back'), SOON);
      await vi.waitFor(() => isEmpty(queue), SOON);
      await vi.waitFor(() => expect(listener.looks).toBeGreaterThan(before), SOON);
      expect(events()).toEqual(['queue_lost', 'queue_back']);
      expect(lines.join('')).not.toContain(new URL(server.url).password);
      await server.stopHard();
      const began = performance.now();
      await queue.close();
      expect(performance.now() - began).toBeLessThan(2_000);
    } finally {
      await server.close();
    }
  }, 60_000);

  test('goes on after its connections were cut', async () => {
    const database = await createTestDatabase();
    try {
      databaseUrl = database.url;
      const queue = await queues.open();
      const listener = await listen(queue);
      for (let turn = 0; turn < 3; turn += 1) {
        const before = listener.looks;
        await database.pool.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()`,
        );
        queue.nudge([ID]);
        await vi.waitFor(() => expect(listener.looks).toBeGreaterThan(before), SOON);
        await vi.waitFor(() => isEmpty(queue), SOON);
      }
    } finally {
      await queues.closeAll();
      await database.drop();
    }
  });

  test('lives beside our schema, in one of its own, whoever makes it first', async () => {
    const database = await createTestDatabase();
    try {
      const secret = new Secret(database.url);
      await Promise.all([1, 2, 3].map(() => prepareQueueTables(secret)));
      expect(await pendingMigrations(database.url)).toEqual([]);
      expect(await migrate(database.url)).toEqual([]);
      const { rows } = await database.pool.query(
        "select distinct table_schema as name from information_schema.tables where table_name = 'job'",
      );
      expect(rows).toEqual([{ name: 'bullmq' }]);
    } finally {
      await database.drop();
    }
  });

  test('needs rights in its schema alone once its tables are there, and keeps options that the URL gives', async () => {
    const database = await createTestDatabase();
    try {
      await prepareQueueTables(new Secret(database.url));
      const address = new URL(database.url);
      const role = `${address.pathname.slice(1)}_user`;
      address.searchParams.set('options', `-c role=${role}`);
      await database.pool.query(
        `create role ${role};
         grant usage, create on schema bullmq to ${role};
         grant all on all tables in schema bullmq to ${role};
         grant all on all sequences in schema bullmq to ${role}`,
      );
      databaseUrl = address.href;
      const { log, events } = recordLog();
      const queue = await queues.open(log);
      const listener = await listen(queue);
      const before = listener.looks;
      queue.nudge([ID]);
      await vi.waitFor(() => expect(listener.looks).toBeGreaterThan(before), SOON);
      await vi.waitFor(() => isEmpty(queue), SOON);
      expect(await queue.check()).toEqual([]);
      expect(events()).toEqual([]);
      await queues.closeAll();
      await database.pool.query(`drop owned by ${role}; drop role ${role}`);
    } finally {
      await queues.closeAll();
      await database.drop();
    }
  });

  test('leaves no connection behind', async () => {
    const database = await createTestDatabase();
    try {
      databaseUrl = database.url;
      const queue = await queues.open();
      await listen(queue);
      await queue.depths();
      await queue.close();
      await vi.waitFor(async () => {
        const { rows } = await database.pool.query(
          `select application_name from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()
              and application_name <> ''`,
        );
        expect(rows).toEqual([]);
      }, SOON);
    } finally {
      await database.drop();
    }
  });
});
