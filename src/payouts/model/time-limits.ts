import { setTimeout as sleep } from 'node:timers/promises';

/**
 * @throws Error where `work` takes longer, or `signal` says that nobody wants it any more; it goes on all
 *   the same, and nobody hears how it ends
 */
export async function within<T>(
  limitMs: number,
  work: T | Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const timer = new AbortController();
  const limit = sleep(limitMs, undefined, {
    signal: signal === undefined ? timer.signal : AbortSignal.any([signal, timer.signal]),
  }).then(() => {
    throw new Error(`no answer within ${limitMs} ms`);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    limit.catch(() => undefined);
    timer.abort();
  }
}

/** Ends early, and without an error, where `signal` says so. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);
