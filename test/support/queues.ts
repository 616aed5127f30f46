import { pino } from 'pino';
import { expect, vi } from 'vitest';
import { Secret } from '../../src/config/secret.js';
import { type NudgeQueue, openQueue } from '../../src/payouts/queue/queue.js';

/** A log that can be read. */
export function recordLog() {
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const events = (): string[] =>
    [...lines.join('').matchAll(/"event":"(\w+)"/g)].map(([, e]) => e ?? '');
  return { log, lines, events };
}

export type QueuePlace = { readonly redisUrl: string | null; readonly databaseUrl: string };

/** Opens queues and closes all of them at the end. */
export function queuesAt(place: () => QueuePlace) {
  const opened: NudgeQueue[] = [];
  return {
    open: async (log = recordLog().log): Promise<NudgeQueue> => {
      const { redisUrl, databaseUrl } = place();
      const queue = await openQueue(
        {
          redisUrl: redisUrl === null ? null : new Secret(redisUrl),
          databaseDirectUrl: new Secret(databaseUrl),
        },
        log,
      );
      opened.push(queue);
      return queue;
    },
    closeAll: async () => {
      await Promise.all(opened.splice(0).map((queue) => queue.close()));
    },
  };
}

/** Counts the looks that a queue asks for, from the first one on that says: listening. */
export async function listen(
  queue: NudgeQueue,
  look: () => Promise<void> = () => Promise.resolve(),
) {
  const stop = new AbortController();
  const listener = { looks: 0, stop: async () => {} };
  const consuming = queue.consume(async () => {
    listener.looks += 1;
    await look();
  }, stop.signal);
  listener.stop = async () => {
    stop.abort();
    await consuming;
  };
  await vi.waitFor(() => expect(listener.looks).toBeGreaterThan(0), SOON);
  return listener;
}

export const SOON = { timeout: 15_000, interval: 20 };

export const isEmpty = async (queue: NudgeQueue): Promise<void> => {
  const depths = await queue.depths();
  expect(Object.values(depths).reduce((sum, count) => sum + count, 0)).toBe(0);
};
