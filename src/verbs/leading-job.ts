import type { Pool } from 'pg';
import type { Config } from '../config.js';
import { createPool } from '../database/pool.js';
import { explainTakenId } from '../database/sequence-queries.js';
import { type AskedJob, askForJob } from '../reconcile/jobs/ask-for-job.js';
import {
  followJob,
  JobOutOfSight,
  type TellJob,
  type WhileAway,
} from '../reconcile/jobs/follow-job.js';
import type { Job, JobKind, JobRequest } from '../reconcile/jobs/job-queries.js';
import { expectCursor } from '../reconcile/runs/comparison-point.js';
import { SEAL_CHAINS } from '../reconcile/seals/seal.js';
import { sealAppended, sealing } from '../reconcile/seals/sealing.js';
import { CHAIN_SETTINGS, type ChainSettings, syncDeps } from '../run/chain.js';
import { GUARD_SETTINGS, type GuardConfig, guardTaskOf } from '../run/guard.js';
import { jobsOf } from '../run/proving.js';
import type { SyncEvent } from '../sync/events.js';
import type { Leadership } from '../sync/leadership.js';
import { runSync } from '../sync/worker.js';
import { Interrupted } from './interruption.js';
import { JobLeft, leftWords } from './job-words.js';
import { refuseOlderSchema } from './older-schema.js';

/** What a verb needs to ask a leader for something, or to lead where nobody does. */
export const LEADING_SETTINGS = [...CHAIN_SETTINGS, ...GUARD_SETTINGS] as const;
export type LeadingSettings = ChainSettings & GuardConfig;

/** Following, a job, sealing, watching the chain and looking at it: some connections each. */
const CONNECTIONS_MAX = 8;
/** Somebody who works on a job says so more often. */
const SILENT_MS = 30_000;
/** Of a leader of its own a verb doesn't wait for ever. The daemon does. */
const NODE_PATIENCE_MS = 60_000;

export type JobWatch = WhileAway & {
  /** Told once, first of all: a new job, or the one that was there. */
  readonly asked?: (kind: JobKind, asked: AskedJob) => void;
  /**
   * What is known of the job, several times a second.
   *
   * @param isLedHere whether this very process works on it, and on what comes before it
   */
  readonly tell: (...seen: [...Parameters<TellJob>, isLedHere: boolean]) => void;
  /** For how long this process leads without ever having reached a node. */
  readonly nodePatienceMs?: number;
};

export type EndedJob = {
  readonly job: Job;
  /** Whether it was there already. */
  readonly followed: boolean;
};

/**
 * Asks for a job, unless the same is queued or under way, and waits for its end. Where an instance leads it does it; where none does this process
 * becomes the leader until it is done: it stands by for the lock like any instance, for as long as nobody
 * else is heard to work on it. While it leads it also seals and watches the chain, as every leader does.
 *
 * @param signal ends the waiting, not the job
 * @throws UsageError where migrations are pending
 * @throws NotComparable where another hand changed the cursor
 * @throws JobLeft where the database was away for too long, or this process leads and reaches no node
 * @throws Interrupted where the signal ended the waiting; both say what becomes of the job
 */
export async function doAsLeader(
  settings: LeadingSettings,
  request: Pick<JobRequest, 'kind' | 'params' | 'requestedBy'>,
  watch: JobWatch,
  signal: AbortSignal,
): Promise<EndedJob> {
  await refuseOlderSchema(settings);
  const pool = poolOf(settings);
  try {
    // Before this process leads: it would follow the chain from where the cursor says.
    await expectCursor(pool, settings.partitionId);
    const asked = await askForJob(pool, { ...request, partitionId: settings.partitionId });
    const { id } = asked;
    watch.asked?.(request.kind, asked);
    const office = standBy(settings, pool, VERBS[request.kind], signal);
    const isWorkedOn = hearing(() => performance.now());
    // As it was seen last: whoever is interrupted gives the lock up before anybody asks.
    let ledHere = false;
    const look: TellJob = (job, ahead) => {
      ledHere = office.leads();
      watch.tell(job, ahead, ledHere);
      const away = office.nodeAway(watch.nodePatienceMs ?? NODE_PATIENCE_MS);
      if (away !== null && isOpen(job)) {
        throw new JobLeft(`${away}\n${leftWords(request.kind, id, true)}`);
      }
      if (isWorkedOn(job) && !ledHere) office.leave();
      else office.wait();
    };
    const following = followJob(pool, id, look, signal, watch).catch((error: unknown) => {
      const left = leftWords(request.kind, id, ledHere);
      if (error instanceof JobOutOfSight) throw new JobLeft(`${error.message}\n${left}`);
      throw signal.aborted ? new Interrupted(`interrupted\n${left}`) : error;
    });
    try {
      const job = await Promise.race([following, office.refused]);
      await office.sealLast();
      return { job, followed: asked.followed !== null };
    } finally {
      await office.end();
    }
  } catch (error) {
    throw await explainTakenId(pool, error).catch(() => error);
  } finally {
    await pool.end();
  }
}

const isOpen = ({ state }: Job): boolean => state === 'queued' || state === 'running';

/** Whether somebody says that the job is in hands; by this clock, which may not be the database's. */
function hearing(clock: () => number): (job: Job) => boolean {
  let beat: number | null = null;
  let heardAt = Number.NEGATIVE_INFINITY;
  return ({ state, heartbeatAt }) => {
    if (state !== 'running' || heartbeatAt === null) return false;
    if (heartbeatAt.getTime() !== beat) {
      beat = heartbeatAt.getTime();
      heardAt = clock();
    }
    return clock() - heardAt < SILENT_MS;
  };
}

/** As `/status` names who leads. */
const VERBS: Readonly<Record<JobKind, string>> = { rebuild: 'rebuild', repair: 'reconcile' };

function standBy(settings: LeadingSettings, pool: Pool, verb: string, signal: AbortSignal) {
  let led: Leadership | null = null;
  // Of its first term: without a node one may end and another begin.
  let ledSince: number | null = null;
  let isReached = false;
  let whyAway = 'none has answered yet';
  let waiting: AbortController | null = null;
  const runs: Promise<unknown>[] = [];
  let refuse: (error: unknown) => void = () => undefined;
  const refused = new Promise<never>((_, reject) => {
    refuse = reject;
  });
  refused.catch(() => undefined);
  // First of the tasks: nobody may take a job for this process before it is known to lead.
  const noteTerm = (leadership: Leadership): Promise<void> => {
    led = leadership;
    ledSince ??= performance.now();
    leadership.signal.addEventListener('abort', () => {
      if (led === leadership) led = null;
    });
    return Promise.resolve();
  };
  const quietly = (): void => undefined;
  const noteNode = (event: SyncEvent<unknown>): void => {
    if (event.type === 'connected') isReached = true;
    if (event.type === 'connect_failed') whyAway = event.reason;
  };
  const deps = {
    ...syncDeps(settings, pool, noteNode),
    verb,
    leading: [
      noteTerm,
      sealing(quietly),
      guardTaskOf(settings, quietly),
      jobsOf(settings, quietly),
    ],
  };
  const leave = (): void => {
    waiting?.abort(new Error('somebody else works on it, or it has ended'));
    waiting = null;
  };
  return {
    refused,
    leads: () => led !== null,
    /** Why no node was ever reached, where this process leads for longer than that. */
    nodeAway: (patienceMs: number): string | null => {
      if (led === null || ledSince === null || isReached) return null;
      if (performance.now() - ledSince < patienceMs) return null;
      return `OGMIOS_URL: no node can be reached: ${whyAway}`;
    },
    leave,
    wait: (): void => {
      if (waiting !== null || signal.aborted) return;
      waiting = new AbortController();
      // Who can't lead says why at once; otherwise it only ends with the job.
      runs.push(runSync(deps, AbortSignal.any([signal, waiting.signal])).catch(refuse));
    },
    /** What the job itself wrote; else it would wait for the next leader. */
    sealLast: async (): Promise<void> => {
      const leadership = led;
      if (leadership === null || leadership.partitionId !== 0) return;
      for (const chain of SEAL_CHAINS) {
        await sealAppended(leadership, chain, quietly).catch(quietly);
      }
    },
    end: async (): Promise<void> => {
      leave();
      await Promise.all(runs);
    },
  };
}

const poolOf = (settings: Pick<Config, 'databaseUrl' | 'databaseDirectUrl'>) =>
  createPool({
    url: settings.databaseUrl.reveal(),
    connectionsMax: CONNECTIONS_MAX,
    applicationName: 'teller verb',
    behindPooler: settings.databaseDirectUrl.reveal() !== settings.databaseUrl.reveal(),
    onIdleError: () => undefined,
  });
