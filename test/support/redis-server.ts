import { Redis } from 'ioredis';
import { startKeeper } from './keeper.js';
import { findRedisServer } from './redis-binary.js';
import type { RedisOptions } from './redis-process.js';

export type TestRedis = {
  /** The same before and after a restart. */
  readonly url: string;
  /** Everything that it holds is gone. */
  flush(): Promise<void>;
  /** One command as an operator would give it. */
  command(...words: readonly [string, ...string[]]): Promise<unknown>;
  /** SIGKILL; it keeps nothing. */
  stop(): Promise<void>;
  /** Starts it again on the same port, empty. */
  start(): Promise<void>;
  close(): Promise<void>;
};

/** Whether there is, or could be fetched, a redis-server; where not, that was said. */
export const hasRedis = async (): Promise<boolean> => (await findRedisServer()) !== undefined;

/**
 * A real Redis on 127.0.0.1. It ends with this process at the latest, also when this is killed.
 * Guard suites with `describe.skipIf(!(await hasRedis()))`.
 */
export async function startRedis(options: Omit<RedisOptions, 'binary'> = {}): Promise<TestRedis> {
  const binary = await findRedisServer();
  if (binary === undefined) throw new Error('There is no redis-server here');
  const keeper = startKeeper();
  try {
    const url = await keeper.ask({ command: 'createRedis', options: { ...options, binary } });
    const command = (...words: readonly [string, ...string[]]) => ask(url, words);
    if (options.cluster === true) await command('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    return {
      url,
      command,
      flush: async () => {
        await command('FLUSHALL');
      },
      stop: async () => {
        await keeper.ask({ command: 'stopHard' });
      },
      start: async () => {
        await keeper.ask({ command: 'start' });
      },
      close: () => keeper.close(),
    };
  } catch (error) {
    await keeper.close();
    throw error;
  }
}

async function ask(
  url: string,
  [name, ...words]: readonly [string, ...string[]],
): Promise<unknown> {
  const client = new Redis(url.replace('redis+cluster:', 'redis:'), { retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    return await client.call(name, ...words);
  } finally {
    client.disconnect();
  }
}
