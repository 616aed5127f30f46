import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, vi } from 'vitest';
import { startDatabaseProxy } from './database-proxy.js';
import { test } from './world.js';

describe.concurrent('SIGTERM', { timeout: 60_000 }, () => {
  test('drains and releases: exit code 0 at once, and the standby leads a second later', async ({
    open,
  }) => {
    const world = await open();
    const leader = await world.start();
    await leader.until('leader_acquired');
    const standby = await world.start();
    const load = world.load(10);
    await sleep(1_000);
    // A probe's connection that is kept open must not hold the end up.
    expect((await leader.get('/health/live')).status).toBe(200);
    const askedAt = performance.now();
    leader.signal('SIGTERM');
    expect(await leader.exited).toBe(0);
    const exitedAt = performance.now();
    const { arrivedAt } = await standby.until('leader_acquired');
    console.log(
      `SIGTERM: ended after ${Math.round(exitedAt - askedAt)} ms, ` +
        `replaced after ${Math.round(arrivedAt - askedAt)} ms`,
    );
    expect(exitedAt - askedAt).toBeLessThan(3_000);
    expect(arrivedAt - askedAt).toBeLessThan(3_000);
    expect(
      (await leader.until('leader_lost').catch(() => ({ reason: leader.output() }))).reason,
    ).toBe('SIGTERM');
    load.stop();
    expect(await world.wrongAtTip()).toEqual([]);
    standby.signal('SIGTERM');
    expect(await standby.exited).toBe(0);
  });

  test('ends a worker that waits for a node, for a lock or for an answer', async ({ open }) => {
    const world = await open();
    world.devnet.inject({ kind: 'stall' });
    const stalled = await world.start();
    await vi.waitFor(() => expect(world.devnet.connections).toBe(1), { timeout: 15_000 });
    const standby = await world.start();
    await standby.until('standby');
    const unreachable = await open();
    await unreachable.devnet.close();
    const alone = await unreachable.start();
    await alone.untilReadiness('blockchain');
    const askedAt = performance.now();
    for (const worker of [stalled, standby, alone]) {
      worker.signal('SIGTERM');
      expect(await worker.exited).toBe(0);
    }
    expect(performance.now() - askedAt).toBeLessThan(5_000);
  });

  test('ends a worker whose database answers nothing, when its time is over', async ({
    open,
    onTestFinished,
  }) => {
    const world = await open();
    const proxy = await startDatabaseProxy(world.url);
    onTestFinished(() => proxy.close());
    const worker = await world.start({ DATABASE_URL: proxy.url, SHUTDOWN_TIMEOUT: '3' });
    await worker.until('intersection_found');
    world.load(10);
    await sleep(300);
    proxy.cut();
    await sleep(300);
    const askedAt = performance.now();
    worker.signal('SIGTERM');
    expect(await worker.exited).toBe(1);
    expect(performance.now() - askedAt).toBeLessThan(5_000);
    expect(worker.output()).toContain('shutdown_timeout');
  });
});
