import { pause, within } from '../model/time-limits.js';
import { describeQueueError, type OpenQueue, type QueueBackend } from './queue-link.js';
import type { Outage } from './queue-outage.js';

export type Producer = {
  /** Returns at once; what can't be sent waits, and is forgotten when too much waits. */
  nudge(jobIds: readonly string[]): void;
  /** Rejects soon where the queue is out of reach. */
  ask<T>(question: (queue: OpenQueue) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/** Beyond that nudges are dropped: whatever waits unsent is found by the sweeper. */
const WAITING_MAX = 10_000;
const BATCH = 500;
const RETRY_MS = 1_000;
/** The first time BullMQ's tables may have to be made. */
const OPEN_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 3_000;
const CLOSE_TIMEOUT_MS = 500;

type Line = { readonly queue: OpenQueue; close(): Promise<void> };

export function createProducer(backend: QueueBackend, outage: Outage): Producer {
  const waiting = new Set<string>();
  const closing = new AbortController();
  let line: Promise<Line> | undefined;
  let sending = false;
  const isClosing = () => closing.signal.aborted;

  const drop = (broken: Promise<Line>): void => {
    if (line === broken) line = undefined;
    void broken.then((one) => one.close()).catch(() => undefined);
  };

  const ask = async <T>(question: (queue: OpenQueue) => Promise<T>): Promise<T> => {
    closing.signal.throwIfAborted();
    const current: Promise<Line> = line ?? open(backend, () => drop(current), closing.signal);
    line = current;
    try {
      const answer = current.then(({ queue }) => question(queue));
      return await within(ANSWER_TIMEOUT_MS, answer);
    } catch (error) {
      drop(current);
      // Of the words alone: as it is, it might be logged with the command that failed.
      throw new Error(describeQueueError(error));
    }
  };

  const send = async (): Promise<void> => {
    while (waiting.size > 0 && !isClosing()) {
      const batch = [...waiting].slice(0, BATCH);
      for (const id of batch) waiting.delete(id);
      try {
        await ask((queue) => queue.addAll(batch));
        outage.ended('producer');
      } catch (error) {
        keep(waiting, batch);
        if (!isClosing()) outage.began('producer', describeQueueError(error));
        await pause(RETRY_MS, closing.signal);
      }
    }
    sending = false;
  };

  return {
    ask,
    nudge: (jobIds) => {
      keep(waiting, jobIds);
      if (sending || isClosing()) return;
      sending = true;
      void send();
    },
    close: async () => {
      closing.abort(new Error('the queue is closed'));
      const last = line;
      line = undefined;
      await within(
        CLOSE_TIMEOUT_MS * 2,
        last?.then((one) => one.close()),
      ).catch(() => undefined);
    },
  };
}

function keep(waiting: Set<string>, jobIds: readonly string[]): void {
  for (const id of jobIds) {
    if (waiting.size >= WAITING_MAX) return;
    waiting.add(id);
  }
}

async function open(
  backend: QueueBackend,
  onBroken: () => void,
  signal: AbortSignal,
): Promise<Line> {
  const link = await within(OPEN_TIMEOUT_MS, backend.connect(), signal);
  // Which of the errors comes first is chance; the first one says the most.
  let reason: string | undefined;
  const queue = link.openQueue((why) => {
    reason ??= why;
    onBroken();
  });
  const close = async (): Promise<void> => {
    await within(CLOSE_TIMEOUT_MS, queue.close()).catch(() => undefined);
    link.cut();
  };
  try {
    await within(OPEN_TIMEOUT_MS, queue.ready(), signal);
    return { queue, close };
  } catch (error) {
    void close();
    throw new Error(reason ?? describeQueueError(error));
  }
}
