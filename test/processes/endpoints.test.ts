import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, vi } from 'vitest';
import { REFUSALS } from '../../src/devnet/faults.js';
import type { LogLine } from './worker-process.js';
import { test } from './world.js';

const KEYS = ['first-secret-key', 'second-secret-key'] as const;
const WITH_KEYS = { OGMIOS_API_KEYS: KEYS.join(), LOG_LEVEL: 'trace' };

describe.concurrent('keys', { timeout: 60_000 }, () => {
  test('are changed for the next one however a refusal shows, and never told', async ({ open }) => {
    const world = await open();
    const worker = await world.start(WITH_KEYS);
    await worker.until('intersection_found');
    let key = 0;
    for (const how of REFUSALS) {
      const from = worker.lines.length;
      world.devnet.inject({ kind: 'refuseKey', how, key: KEYS[key] ?? '' });
      world.devnet.inject({ kind: 'drop' });
      key = 1 - key;
      const { key_index: index } = await worker.until('api_key_rotated', { from });
      expect(`${how}: ${String(index)}`).toBe(`${how}: ${key}`);
      await worker.until('intersection_found', { from });
      world.devnet.mine();
      expect(await world.wrongAtTip()).toEqual([]);
    }
    const status = JSON.stringify((await worker.get('/status')).body);
    expect(status).toContain('"connection":{"endpoint":"ws://127.0.0.1');
    for (const secret of KEYS) {
      expect(worker.output()).not.toContain(secret);
      expect(status).not.toContain(secret);
    }
  });

  test('that are refused in mid-session by a close code are changed too', async ({ open }) => {
    const world = await open();
    const worker = await world.start(WITH_KEYS);
    expect(await world.wrongAtTip()).toEqual([]);
    let key = 0;
    for (const code of [1008, 4001, 4003, 4401, 4403]) {
      const from = worker.lines.length;
      world.devnet.inject({ kind: 'drop', code });
      key = 1 - key;
      // A key that served until now: the one that was refused before it is tried at once.
      const { key_index: index } = await worker.until('api_key_rotated', { from });
      expect(`${code}: ${String(index)}`).toBe(`${code}: ${key}`);
      await worker.until('intersection_found', { from });
      world.devnet.mine();
      expect(await world.wrongAtTip()).toEqual([]);
    }
  });

  test('that are all refused are tried again with pauses, until one is taken', async ({ open }) => {
    const world = await open({ devnet: { apiKeys: [KEYS[1]] } });
    world.devnet.inject({ kind: 'refuseKey', how: 403 });
    const worker = await world.start({ ...WITH_KEYS, OGMIOS_API_KEY_HEADER: 'dmtr-api-key' });
    await worker.untilReadiness('blockchain');
    await sleep(6_000);
    const tries = worker.lines.filter((line) => line.event === 'connect_failed');
    // Two keys a round; rounds come 0.5, 1, 2 … s apart at most, and half of that on average.
    expect(tries.length).toBeGreaterThanOrEqual(4);
    expect(tries.length).toBeLessThan(80);
    world.devnet.heal();
    await worker.until('intersection_found', { withinMs: 30_000 });
    expect(await world.wrongAtTip()).toEqual([]);
    for (const secret of KEYS) expect(worker.output()).not.toContain(secret);
  });
});

describe.concurrent('endpoints', { timeout: 60_000 }, () => {
  test('that take the connection and say nothing are left for the next one after ten seconds', async ({
    open,
    onTestFinished,
  }) => {
    const mute = createServer((socket) => socket.on('error', () => undefined));
    const port = await new Promise<number>((resolve) => {
      mute.listen(0, '127.0.0.1', () => resolve((mute.address() as { port: number }).port));
    });
    onTestFinished(() => void mute.close());
    const world = await open();
    const before = performance.now();
    const worker = await world.start({
      OGMIOS_URL: `ws://127.0.0.1:${port},${world.devnet.url}`,
    });
    const { arrivedAt, reason } = await worker.until('connect_failed', { withinMs: 20_000 });
    expect(reason).toBe('no connection in 10 s');
    expect(arrivedAt - before).toBeLessThan(20_000);
    expect(await world.wrongAtTip()).toEqual([]);
    await worker.end();
  });

  test('on another chain are never mixed up: the next one is tried, and refused', async ({
    open,
  }) => {
    const world = await open();
    const gone = await open({ devnet: { seed: 'gone' } });
    const tip = gone.devnet.chain.blocks().at(-1)?.id;
    const worker = await world.start({ OGMIOS_URL: `${gone.devnet.url},${world.devnet.url}` });
    await vi.waitFor(async () => expect(await world.cursor()).toBe(tip), { timeout: 10_000 });
    const from = worker.lines.length;
    const goneAt = performance.now();
    await gone.devnet.close();
    const there = (line: LogLine): boolean => line.endpoint === world.devnet.url;
    const { arrivedAt } = await worker.until('connected', { from, where: there });
    expect(arrivedAt - goneAt).toBeLessThan(5_000);
    await worker.untilReadiness('intersection_lost');
    expect(await world.cursor()).toBe(tip);
  });
});
