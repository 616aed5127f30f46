import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { isEmpty, listen, queuesAt, recordLog, SOON } from '../../../test/support/queues.js';
import { hasRedis, startRedis, type TestRedis } from '../../../test/support/redis-server.js';
import { redisProblems } from './queue-redis.js';

const NO_DATABASE = 'postgresql://nobody@127.0.0.1:1/none';
const PASSWORD = 'hunter2';
const ID = '0'.repeat(32);
const isThere = await hasRedis();

describe.skipIf(!isThere)('a queue on a Redis in trouble', () => {
  let redis: TestRedis;
  const queues = queuesAt(() => ({ redisUrl: redis.url, databaseUrl: NO_DATABASE }));
  beforeAll(async () => {
    redis = await startRedis({ password: PASSWORD });
  });
  afterEach(async () => {
    await queues.closeAll();
    await redis.flush();
  });
  afterAll(() => redis.close());

  test('goes on when it loses everything in the middle', async () => {
    const queue = await queues.open();
    const listener = await listen(queue);
    for (let turn = 0; turn < 5; turn += 1) {
      const before = listener.looks;
      queue.nudge(Array.from({ length: 50 }, (_, n) => `${turn}-${n}`));
      await redis.flush();
      queue.nudge([ID]);
      await vi.waitFor(() => expect(listener.looks).toBeGreaterThan(before), SOON);
    }
    await vi.waitFor(() => isEmpty(queue), SOON);
  });

  test('says once that it is gone and once that it is back, and goes on', async () => {
    const { log, lines, events } = recordLog();
    const queue = await queues.open(log);
    const listener = await listen(queue);
    await redis.stop();
    const began = performance.now();
    for (let n = 0; n < 100; n += 1) queue.nudge([ID, `${n}`]);
    expect(performance.now() - began).toBeLessThan(100);
    expect(await queue.liveIds([ID])).toEqual(new Set());
    await expect(queue.depths()).rejects.toThrow('ECONNREFUSED');
    await vi.waitFor(() => expect(events()).toContain('queue_lost'), SOON);
    const before = listener.looks;
    await redis.start();
    await vi.waitFor(() => expect(events()).toContain('queue_back'), SOON);
    await vi.waitFor(() => isEmpty(queue), SOON);
    expect(listener.looks).toBeGreaterThan(before);
    expect(events()).toEqual(['queue_lost', 'queue_back']);
    expect(lines.join('')).not.toContain(PASSWORD);
  });

  test('tries a replica that takes no writes again now and then, not all the time', async () => {
    const { log, events } = recordLog();
    const queue = await queues.open(log);
    const listener = await listen(queue);
    await redis.command('REPLICAOF', '127.0.0.1', '1');
    try {
      queue.nudge([ID]);
      await vi.waitFor(() => expect(events()).toEqual(['queue_lost']), SOON);
      expect(await queue.check()).toEqual([expect.stringContaining('read-only replica')]);
      const before = await commandsSoFar();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect((await commandsSoFar()) - before).toBeLessThan(300);
    } finally {
      await redis.command('REPLICAOF', 'NO', 'ONE');
    }
    const before = listener.looks;
    await vi.waitFor(() => expect(events()).toContain('queue_back'), SOON);
    await vi.waitFor(() => expect(listener.looks).toBeGreaterThan(before), SOON);
  });

  test('goes on after it answered nobody for a while', async () => {
    const queue = await queues.open();
    const listener = await listen(queue);
    await redis.command('CLIENT', 'PAUSE', '4000', 'ALL');
    const began = performance.now();
    queue.nudge([ID]);
    await queue.liveIds([ID]);
    expect(performance.now() - began).toBeLessThan(3_900);
    await vi.waitFor(() => expect(listener.looks).toBeGreaterThan(1), SOON);
  });

  test('keeps a refused password to itself', async () => {
    const { log, lines, events } = recordLog();
    const wrong = queuesAt(() => ({
      redisUrl: redis.url.replace(PASSWORD, 'swordfish'),
      databaseUrl: NO_DATABASE,
    }));
    const queue = await wrong.open(log);
    const consuming = queue.consume(() => Promise.resolve(), new AbortController().signal);
    queue.nudge([ID]);
    await vi.waitFor(() => expect(events()).toContain('queue_lost'), SOON);
    const failure: unknown = await queue.depths().catch((error: unknown) => error);
    expect(String(failure)).toContain('WRONGPASS');
    expect((await queue.check()).join()).toContain('WRONGPASS');
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('swordfish');
    expect(lines.join('')).not.toContain('swordfish');
    await wrong.closeAll();
    await consuming;
  });

  test('tells of settings under which jobs vanish', async () => {
    const queue = await queues.open();
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    try {
      expect(await queue.check()).toEqual([
        expect.stringContaining('maxmemory-policy allkeys-lru'),
      ]);
    } finally {
      await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    }
  });

  const commandsSoFar = async (): Promise<number> =>
    Number(/total_commands_processed:(\d+)/.exec(String(await redis.command('INFO')))?.[1]);
});

describe.skipIf(!isThere)('a queue on a Redis cluster', () => {
  let redis: TestRedis;
  const queues = queuesAt(() => ({ redisUrl: redis.url, databaseUrl: NO_DATABASE }));
  beforeAll(async () => {
    redis = await startRedis({ cluster: true, password: PASSWORD });
  });
  beforeEach(async () => {
    await vi.waitFor(
      async () => expect(await redis.command('CLUSTER', 'INFO')).toContain('cluster_state:ok'),
      SOON,
    );
  });
  afterAll(async () => {
    await queues.closeAll();
    await redis.close();
  });

  test('carries nudges, all of them in one slot', async () => {
    const { log, events } = recordLog();
    const queue = await queues.open(log);
    const listener = await listen(queue);
    const before = listener.looks;
    queue.nudge(Array.from({ length: 100 }, (_, n) => `${n}`));
    await vi.waitFor(() => isEmpty(queue), SOON);
    await vi.waitFor(() => expect(listener.looks).toBeGreaterThan(before), SOON);
    expect(await queue.check()).toEqual([]);
    expect(events()).toEqual([]);
    await listener.stop();
    queue.nudge([ID]);
    await vi.waitFor(async () => expect((await queue.depths()).waiting).toBe(1), SOON);
    expect(await queue.liveIds([ID])).toEqual(new Set([ID]));
  });
});

describe('a queue on a Redis that was never there', () => {
  test.each([
    ['refuses connections', 'redis://:hunter2@127.0.0.1:1'],
    ['has no address', 'redis://:hunter2@nowhere.invalid:6379'],
    ['is a cluster without nodes', 'redis+cluster://:hunter2@127.0.0.1:1,127.0.0.1:2'],
    ['refuses TLS', 'rediss://:hunter2@127.0.0.1:1'],
  ])('is silent and quick where it %s', async (_, redisUrl) => {
    const { log, lines, events } = recordLog();
    const queues = queuesAt(() => ({ redisUrl, databaseUrl: NO_DATABASE }));
    const queue = await queues.open(log);
    const consuming = queue.consume(() => Promise.resolve(), new AbortController().signal);
    queue.nudge([ID]);
    await vi.waitFor(() => expect(events()).toEqual(['queue_lost']), SOON);
    expect(await queue.liveIds([ID])).toEqual(new Set());
    expect(await queue.check()).toEqual([expect.stringContaining('redis')]);
    await closeSoon(queues.closeAll);
    await consuming;
    expect(lines.join('')).not.toContain('hunter2');
  });

  test('is closed soon where a connection is taken and nothing answered', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const queues = queuesAt(() => ({
      redisUrl: `redis://127.0.0.1:${port}`,
      databaseUrl: NO_DATABASE,
    }));
    const queue = await queues.open();
    const consuming = queue.consume(() => Promise.resolve(), new AbortController().signal);
    const connections = () =>
      new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
    queue.nudge([ID]);
    await vi.waitFor(async () => expect(await connections()).toBeGreaterThan(1), SOON);
    await closeSoon(queues.closeAll);
    await consuming;
    await vi.waitFor(async () => expect(await connections()).toBe(0), SOON);
    server.close();
  });

  async function closeSoon(close: () => Promise<void>): Promise<void> {
    const began = performance.now();
    await close();
    expect(performance.now() - began).toBeLessThan(2_000);
  }
});

describe('what a Redis tells about itself', () => {
  test.each([
    ['nothing to mend', 'redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\nrole:master', []],
    ['an old version', 'redis_version:6.0.16\r\nmaxmemory_policy:noeviction', ['6.0.16']],
    ['the oldest version that will do', 'redis_version:6.2.0\r\n', []],
    ['a policy that evicts', 'maxmemory_policy:volatile-lru\r\n', ['volatile-lru']],
    ['a replica', 'role:slave\r\n', ['replica']],
    ['nothing that is known', '', []],
  ])('is %s', (_, info, words) => {
    const problems = redisProblems(info);
    expect(problems).toHaveLength(words.length);
    expect(problems.join()).toContain(words.join());
  });
});
