import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { isEmpty, listen, queuesAt, recordLog, SOON } from '../../../test/support/queues.js';
import { hasRedis, startRedis, type TestRedis } from '../../../test/support/redis-server.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';

const withRedis = await hasRedis();
const ids = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => n.toString(16).padStart(32, '0'));
const [ID = ''] = ids(1);

let database: TestDatabase;
let redis: TestRedis | undefined;
beforeAll(async () => {
  database = await createTestDatabase();
  if (withRedis) redis = await startRedis();
});
afterAll(async () => {
  await redis?.close();
  await database.drop();
});

describe.each(['Redis', 'PostgreSQL'])('a queue on %s', (name) => {
  const redisUrl = (): string | null => (name === 'Redis' ? (redis?.url ?? null) : null);
  const isThere = name === 'PostgreSQL' || withRedis;
  const queues = queuesAt(() => ({ redisUrl: redisUrl(), databaseUrl: database.url }));
  beforeEach((context) => {
    if (!isThere) context.skip();
  });
  afterEach(async () => {
    await queues.closeAll();
    // Whatever a test left would be nudges to the next one.
    await database.pool.query('drop schema if exists bullmq cascade');
    await redis?.flush();
  });

  test('carries a nudge from one instance to another', async () => {
    const payer = await queues.open();
    const listener = await listen(payer);
    const before = listener.looks;
    const api = await queues.open();
    api.nudge([ID]);
    await vi.waitFor(() => expect(listener.looks).toBeGreaterThan(before), SOON);
    await vi.waitFor(() => isEmpty(api), SOON);
  });

  test('makes a handful of looks of a thousand nudges', async () => {
    const queue = await queues.open();
    queue.nudge(ids(1_000));
    await vi.waitFor(async () => expect((await queue.depths()).waiting).toBe(1_000), SOON);
    const listener = await listen(queue);
    await vi.waitFor(() => isEmpty(queue), SOON);
    expect(listener.looks).toBeLessThan(100);
  });

  test('carries a nudge for the same payout again once the first one arrived', async () => {
    const queue = await queues.open();
    const listener = await listen(queue);
    for (let turn = 0; turn < 3; turn += 1) {
      const before = listener.looks;
      queue.nudge([ID]);
      await vi.waitFor(() => expect(listener.looks).toBeGreaterThan(before), SOON);
      await vi.waitFor(() => isEmpty(queue), SOON);
    }
  });

  test('has one more look follow whatever is nudged during one', async () => {
    const queue = await queues.open();
    let finish: (() => void) | undefined;
    const listener = await listen(
      queue,
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    expect(listener.looks).toBe(1);
    queue.nudge(ids(20));
    await vi.waitFor(() => isEmpty(queue), SOON);
    expect(listener.looks).toBe(1);
    finish?.();
    await vi.waitFor(() => expect(listener.looks).toBe(2), SOON);
    finish?.();
    await listener.stop();
    expect(listener.looks).toBe(2);
  });

  test('tells which payouts have a job, one each however often they are nudged', async () => {
    const queue = await queues.open();
    const [first = '', second = '', third = ''] = ids(3);
    queue.nudge([first, second]);
    queue.nudge([second]);
    await vi.waitFor(async () => expect((await queue.depths()).waiting).toBe(2), SOON);
    queue.nudge([first]);
    expect(await queue.liveIds([first, third])).toEqual(new Set([first]));
    expect((await queue.depths()).waiting).toBe(2);
    expect(await queue.liveIds([])).toEqual(new Set());
  });

  test('goes on after a look that failed, and says so', async () => {
    const { log, events } = recordLog();
    const queue = await queues.open(log);
    const listener = await listen(queue, () => Promise.reject(new Error('no database')));
    queue.nudge([ID]);
    await vi.waitFor(() => expect(listener.looks).toBeGreaterThan(1), SOON);
    expect(events()).toContain('nudge_failed');
  });

  test('serves two consumers at once', async () => {
    const [one, other] = [await queues.open(), await queues.open()];
    const listeners = [await listen(one), await listen(other)];
    one.nudge(ids(300));
    await vi.waitFor(() => isEmpty(one), SOON);
    await Promise.all(listeners.map((listener) => listener.stop()));
  });

  test('asks a consumer that ended for nothing more', async () => {
    const queue = await queues.open();
    const listener = await listen(queue);
    await listener.stop();
    const before = listener.looks;
    queue.nudge([ID]);
    await vi.waitFor(async () => expect((await queue.depths()).waiting).toBe(1), SOON);
    expect(listener.looks).toBe(before);
  });

  test('gives the job of a consumer that was killed to the next one', async () => {
    const queue = await queues.open();
    queue.nudge(ids(2_000));
    await vi.waitFor(async () => expect((await queue.depths()).waiting).toBe(2_000), SOON);
    await killFrozenConsumer(redisUrl());
    expect((await queue.depths()).active).toBe(1);
    await listen(queue);
    await vi.waitFor(() => isEmpty(queue), { timeout: 28_000, interval: 50 });
  }, 60_000);

  test('survives a million nudges at once, and closes with what is unsent', async () => {
    const queue = await queues.open();
    const began = performance.now();
    for (let n = 0; n < 100; n += 1) queue.nudge(ids(10_000));
    expect(performance.now() - began).toBeLessThan(5_000);
    await queue.close();
  });

  test('is closed soon, with its consumer', async () => {
    const queue = await queues.open();
    await listen(queue);
    queue.nudge(ids(10));
    const began = performance.now();
    await queue.close();
    expect(performance.now() - began).toBeLessThan(2_000);
    queue.nudge([ID]);
    await expect(queue.depths()).rejects.toThrow('closed');
  });

  test('finds nothing to mend on a server as it should be', async () => {
    const queue = await queues.open();
    expect(await queue.check()).toEqual([]);
  });
});

async function killFrozenConsumer(redisUrl: string | null): Promise<void> {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const script = fileURLToPath(
    new URL('../../../test/support/frozen-consumer.ts', import.meta.url),
  );
  const args = [database.url, ...(redisUrl === null ? [] : [redisUrl])];
  const child = spawn(process.execPath, ['--import', tsx, script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
  } finally {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}
