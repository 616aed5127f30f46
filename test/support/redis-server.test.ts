import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { hasRedis, startRedis } from './redis-server.js';

const isThere = await hasRedis();

describe.skipIf(!isThere)('a Redis for tests', () => {
  test('is empty after a stop, at the same address', async () => {
    const redis = await startRedis();
    try {
      const { url } = redis;
      await redis.command('SET', 'name', 'value');
      await redis.stop();
      await expect(redis.command('PING')).rejects.toThrow('closed');
      await redis.start();
      expect(redis.url).toBe(url);
      expect(await redis.command('GET', 'name')).toBeNull();
    } finally {
      await redis.close();
    }
    await expect(redis.command('PING')).rejects.toThrow('closed');
  });

  test('is gone when its user is killed', async () => {
    const child = spawn(process.execPath, ['--import', tsx, script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const told: unknown[] = await once(child.stdout, 'data');
    const pid = Number(String(told[0]));
    expect(isAlive(pid)).toBe(true);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000, interval: 50 });
  });
});

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const script = fileURLToPath(new URL('./left-behind-redis.ts', import.meta.url));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
