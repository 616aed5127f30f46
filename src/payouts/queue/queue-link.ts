import {
  type BackendFactory,
  type IQueueBackend,
  type Job,
  type JobType,
  type QueueOptions,
  type WorkerOptions,
  withBackend,
} from 'bullmq';
import { describeDatabaseError } from '../../database/pool.js';

/** Where nudges travel. It is replaced and never mended: what failed is cut, and another one opened. */
export type QueueBackend = {
  readonly name: 'redis' | 'postgresql';
  connect(): Promise<QueueLink>;
  /** What is wrong with how the server is set up, in sentences. Rejects where it can't be asked. */
  problems(): Promise<readonly string[]>;
};

/** One set of connections, for one producer or one consumer. */
export type QueueLink = {
  openQueue(onBroken: (reason: string) => void): OpenQueue;
  openWorker(onNudge: () => void, onBroken: (reason: string) => void): OpenWorker;
  /** Ends all its connections at once, whatever is under way on them. */
  cut(): void;
};

export type OpenQueue = {
  ready(): Promise<void>;
  addAll(jobIds: readonly string[]): Promise<void>;
  jobIds(states: readonly JobType[], countMax: number): Promise<string[]>;
  counts(): Promise<Record<string, number>>;
  close(): Promise<void>;
};

export type OpenWorker = {
  ready(): Promise<void>;
  /** @param force leave the job under way to the stalled check */
  close(force: boolean): Promise<void>;
};

/** On a cluster all keys of a queue must be in one slot: hence the braces. PostgreSQL has a schema. */
const PREFIX = '{chain-teller}';
const QUEUE_NAME = 'payouts';
const JOB_NAME = 'nudge';
/** BullMQ writes what happens into a stream that nobody reads. */
const EVENTS_KEPT = 100;
/** A job does nothing, so one that is still held after this time is nobody's any more. */
const LOCK_MS = 5_000;
const STALLED_CHECK_MS = 5_000;
/** After that it is dropped: the sweeper nudges again. */
const STALLED_MAX = 3;
/** Bounds what a flood costs; a nudge more or less changes nothing. */
const JOBS_PER_SECOND_MAX = 1_000;
/** Where an announcement got lost, the worker looks this often all the same. */
const LOOK_SECONDS = 5;

const jobOptions = { attempts: 1, removeOnComplete: true, removeOnFail: true } as const;

export function createLink<B extends IQueueBackend, C>(
  factory: BackendFactory<B, C>,
  connection: C,
  cut: () => void,
): QueueLink {
  const { Queue, Worker } = withBackend(factory);
  // BullMQ's own check of the server speaks on the console; `problems` takes its place.
  const shared = { connection, prefix: PREFIX, skipVersionCheck: true };
  const queueOptions: QueueOptions<C> = {
    ...shared,
    defaultJobOptions: jobOptions,
    streams: { events: { maxLen: EVENTS_KEPT } },
  };
  const workerOptions: WorkerOptions<C> = {
    ...shared,
    concurrency: 1,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: STALLED_MAX,
    limiter: { max: JOBS_PER_SECOND_MAX, duration: 1_000 },
    drainDelay: LOOK_SECONDS,
  };
  return {
    cut,
    openQueue: (onBroken) => {
      const queue = new Queue(QUEUE_NAME, queueOptions);
      queue.on('error', (error) => onBroken(describeQueueError(error)));
      queue.on('ioredis:close', () => onBroken(CLOSED));
      return {
        ready: async () => {
          await queue.waitUntilReady();
        },
        addAll: async (jobIds) => {
          await queue.addBulk(
            jobIds.map((jobId) => ({ name: JOB_NAME, data: {}, opts: { jobId } })),
          );
        },
        jobIds: async (states, countMax) =>
          idsOf(await queue.getJobs([...states], 0, countMax - 1)),
        counts: () => queue.getJobCounts(...COUNTED),
        close: () => queue.close(),
      };
    },
    openWorker: (onNudge, onBroken) => {
      // Whatever is nudged before its job is completed finds that job still there, and adds nothing.
      // So the look that the job asks for may begin only when the job is gone.
      const worker = new Worker(QUEUE_NAME, () => Promise.resolve(), workerOptions);
      worker.on('completed', onNudge);
      worker.on('failed', onNudge);
      worker.on('error', (error) => onBroken(describeQueueError(error)));
      worker.on('ioredis:close', () => onBroken(CLOSED));
      return {
        ready: () => worker.waitUntilReady(),
        close: (force) => worker.close(force),
      };
    },
  };
}

export const LIVE_STATES = ['wait', 'active', 'delayed', 'prioritized'] as const;
const COUNTED = ['waiting', 'active', 'delayed', 'prioritized', 'failed'] as const;
const CLOSED = 'the connection was closed';

/** Of the messages alone: errors of the libraries carry the commands that failed, a password's too. */
export const describeQueueError = (error: unknown): string => describeDatabaseError(error);

/** A job that ended between the list and its reading is undefined, whatever the types say. */
const idsOf = (jobs: readonly (Job | undefined)[]): string[] =>
  jobs.flatMap((job) => (job?.id === undefined ? [] : [job.id]));
