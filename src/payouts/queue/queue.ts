import type { Logger } from 'pino';
import type { Secret } from '../../config/secret.js';
import { pause, within } from '../model/time-limits.js';
import { consumeJobs } from './queue-consumer.js';
import { describeQueueError, LIVE_STATES, type QueueBackend } from './queue-link.js';
import { createOutage } from './queue-outage.js';
import { createPostgresQueueBackend } from './queue-postgres.js';
import { createProducer } from './queue-producer.js';
import { createRedisQueueBackend } from './queue-redis.js';

export type QueueConfig = {
  /** Null: PostgreSQL carries the queue. */
  readonly redisUrl: Secret | null;
  readonly databaseDirectUrl: Secret;
};

/**
 * Tells the payer that there is something to do, sooner than it would find out by itself. That is all:
 * whatever is in it may be lost, doubled or late, and nothing here throws because of that.
 */
export type NudgeQueue = {
  /** Look at these payouts. Returns at once and never throws. */
  nudge(payoutIds: readonly string[]): void;
  /**
   * While this instance pays: calls `onNudge`, one call after the other, however many nudges come
   * meanwhile. Ends when `signal` says so, or the queue is closed, and the call under way has ended.
   */
  consume(onNudge: () => Promise<void>, signal: AbortSignal): Promise<void>;
  /** Those of them that have a job; none where the queue is out of reach. */
  liveIds(payoutIds: readonly string[]): Promise<Set<string>>;
  /** Jobs by state. Rejects within seconds where the queue is out of reach. */
  depths(): Promise<Record<string, number>>;
  /** What an operator should mend, in sentences. */
  check(): Promise<readonly string[]>;
  /** Within 2 s, also where nothing answers. */
  close(): Promise<void>;
};

/** Opens nothing yet: a queue that is out of reach keeps nobody from starting. */
export function openQueue(config: QueueConfig, log: Logger): Promise<NudgeQueue> {
  const backend =
    config.redisUrl === null
      ? createPostgresQueueBackend(config.databaseDirectUrl)
      : createRedisQueueBackend(config.redisUrl);
  return Promise.resolve(createQueue(backend, log));
}

const CHECK_TIMEOUT_MS = 5_000;
/** Enough for whatever is under way to end by itself. */
const CLOSE_GRACE_MS = 1_500;
/** More jobs than that wait only where nobody pays; what isn't seen is nudged once more. */
const LIVE_MAX = 10_000;
/** 1,000 nudges in a moment are a handful of looks. */
const LOOKS_APART_MS = 50;

function createQueue(backend: QueueBackend, log: Logger): NudgeQueue {
  const outage = createOutage(backend.name, log);
  const producer = createProducer(backend, outage);
  const closing = new AbortController();
  const consuming = new Set<Promise<void>>();

  return {
    nudge: (payoutIds) => producer.nudge(payoutIds.map(jobIdOf)),
    consume: async (onNudge, signal) => {
      const ended = AbortSignal.any([signal, closing.signal]);
      const looks = createLooks(onNudge, ended, log);
      const jobs = consumeJobs(backend, outage, looks.ask, ended);
      consuming.add(jobs);
      await jobs.finally(() => consuming.delete(jobs));
      await looks.done();
    },
    liveIds: async (payoutIds) => {
      const ids = await producer
        .ask((queue) => queue.jobIds(LIVE_STATES, LIVE_MAX))
        .catch((): string[] => []);
      const live = new Set(ids);
      return new Set(payoutIds.filter((id) => live.has(jobIdOf(id))));
    },
    depths: () => producer.ask((queue) => queue.counts()),
    check: async () => {
      try {
        return await within(CHECK_TIMEOUT_MS, backend.problems());
      } catch (error) {
        return [`the queue on ${backend.name} can't be used: ${describeQueueError(error)}`];
      }
    },
    close: async () => {
      closing.abort(new Error('the queue is closed'));
      const ends = Promise.allSettled([producer.close(), ...consuming]);
      await within(CLOSE_GRACE_MS, ends).catch(() => undefined);
    },
  };
}

const jobIdOf = (payoutId: string): string => `payout-${payoutId}`;

/** One look at a time; asked for during one, there is exactly one more. */
function createLooks(look: () => Promise<void>, signal: AbortSignal, log: Logger) {
  let wanted = false;
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    while (wanted && !signal.aborted) {
      wanted = false;
      try {
        await look();
      } catch (error) {
        const reason = describeQueueError(error);
        log.warn({ event: 'nudge_failed', reason }, 'a nudge came to nothing; the sweeper goes on');
      }
      await pause(LOOKS_APART_MS, signal);
    }
    running = undefined;
  };
  return {
    ask: (): void => {
      wanted = true;
      running ??= run();
    },
    done: async (): Promise<void> => running,
  };
}
