import { pause, within } from '../model/time-limits.js';
import { describeQueueError, type QueueBackend, type QueueLink } from './queue-link.js';
import type { Outage } from './queue-outage.js';

const RETRY_MS = 1_000;
const OPEN_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * Calls `onNudge` whenever there are jobs, until `signal` says otherwise. The connection is watched:
 * where anything is wrong with it, another one takes its place, and because nudges may have been lost
 * meanwhile, that counts as one.
 */
export async function consumeJobs(
  backend: QueueBackend,
  outage: Outage,
  onNudge: () => void,
  signal: AbortSignal,
): Promise<void> {
  while (!isOver(signal)) {
    try {
      const link = await within(OPEN_TIMEOUT_MS, backend.connect(), signal);
      await work(link, () => outage.ended('consumer'), onNudge, signal);
    } catch (error) {
      if (isOver(signal)) return;
      outage.began('consumer', describeQueueError(error));
    }
    await pause(RETRY_MS, signal);
  }
}

/** A signal may say so in the middle of anything, which types can't know. */
const isOver = (signal: AbortSignal): boolean => signal.aborted;

/** @throws Error when the connection broke */
async function work(
  link: QueueLink,
  onReady: () => void,
  onNudge: () => void,
  signal: AbortSignal,
): Promise<void> {
  const life = new AbortController();
  const ended = AbortSignal.any([signal, life.signal]);
  const end = new Promise<void>((resolve) => {
    ended.addEventListener('abort', () => resolve(), { once: true });
    if (ended.aborted) resolve();
  });
  const worker = link.openWorker(onNudge, (reason) => life.abort(new Error(reason)));
  try {
    await Promise.race([within(OPEN_TIMEOUT_MS, worker.ready()), end]);
    if (!ended.aborted) {
      onReady();
      onNudge();
    }
    await end;
    life.signal.throwIfAborted();
  } finally {
    const close = worker.close(life.signal.aborted);
    await within(CLOSE_TIMEOUT_MS, close).catch(() => undefined);
    link.cut();
  }
}
