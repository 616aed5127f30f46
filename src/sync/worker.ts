import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { OutputReference } from '../chain/block.js';
import type { DecodeNextBlock } from '../chain/decode.js';
import { endWhatHangs, watchBusyClients } from '../database/busy-clients.js';
import { type Between, workBetween } from './between.js';
import { ConnectionEnded, Stalled } from './connection.js';
import { BooksContradict } from './contradiction.js';
import { endedBySequences } from './ended-by-sequences.js';
import { type Choice, dialOf, type Endpoints, endpointName, FIRST_CHOICE } from './endpoints.js';
import type { SyncEvent } from './events.js';
import {
  type BlockHandlers,
  ChainRefused,
  createFollower,
  type Follower,
  TermOver,
} from './follower.js';
import { intersect, type StartPoint } from './intersect.js';
import { waitForLeadership } from './leader.js';
import { createLeadership, type LeadingTask, runTasks } from './leadership.js';
import { nextChoice, type Outcome } from './next-choice.js';
import { type NodeHealth, nodeProblem, watchNodeHealth } from './node-health.js';
import { openNode } from './open-node.js';
import { PREFERRED_IS_BACK, watchPreferred } from './preferred.js';
import { beginTerm, type Term } from './queries.js';
import { type ChainSyncSession, createSession } from './session.js';
import { takeUpCursor } from './taking-up.js';

export type SyncDeps<S> = {
  readonly pool: Pool;
  /** A session-mode connection for the leader lock. */
  readonly directUrl: string;
  /** Where it isn't the daemon that follows: which verb, for those who look who leads. */
  readonly verb?: string;
  readonly partitionId: number;
  readonly totalPartitions: number;
  readonly network: string;
  readonly startPoint: StartPoint;
  readonly endpoints: Endpoints;
  readonly decode: DecodeNextBlock;
  readonly createHandlers: () => BlockHandlers<S>;
  /** What a leader does besides following, each for as long as the term lasts. */
  readonly leading?: readonly LeadingTask[];
  /** A leading task failed; the term goes on without it. */
  readonly onTaskFailure?: (error: unknown) => void;
  readonly observe: (event: SyncEvent<S>) => void;
  /** In [0, 1): jitters back-off. */
  readonly random: () => number;
  readonly preferredRetryMs: number;
};

/** The database belongs to another network or layout: no instance set like this may run on it. */
export class WrongDatabase extends Error {
  override readonly name = 'WrongDatabase';
}

/** Stands by, leads, follows, until the signal aborts; then finishes its transaction and lets go. */
export async function runSync<S>(deps: SyncDeps<S>, signal: AbortSignal): Promise<void> {
  const busy = watchBusyClients(deps.pool);
  const beside = new Set<Promise<void>>();
  try {
    while (!signal.aborted) {
      deps.observe({ type: 'standby' });
      const { directUrl, partitionId, verb = 'run' } = deps;
      const lock = await waitForLeadership(directUrl, partitionId, signal, { verb }).catch(
        ignoreAbort(signal),
      );
      if (lock === null) return;
      const forget = endWhatHangs(busy, lock.lost);
      try {
        await lead(deps, signal, lock.lost, beside);
      } finally {
        forget();
        await lock.release();
      }
    }
  } finally {
    await Promise.all(beside);
    busy.unwatch();
  }
}

async function lead<S>(
  deps: SyncDeps<S>,
  stop: AbortSignal,
  lost: AbortSignal,
  beside: Set<Promise<void>>,
): Promise<void> {
  const signal = AbortSignal.any([stop, lost]);
  const over = new AbortController();
  let tasks: Promise<void> = Promise.resolve();
  let term: Term | null = null;
  const tell = (reason: string): void => {
    if (term !== null) deps.observe({ type: 'leader_lost', epoch: term.epoch, reason });
    else if (!signal.aborted) deps.observe({ type: 'term_failed', reason });
    term = null;
  };
  // Told at once: what is under way may hang for seconds in a database that doesn't answer.
  const onLost = (): void => tell(describe(lost.reason));
  lost.addEventListener('abort', onLost, { once: true });
  try {
    const begun = await beginTerm(deps.pool, deps.partitionId, deps.totalPartitions, deps.network);
    if ('refused' in begun) throw new WrongDatabase(begun.refused);
    term = begun;
    deps.observe({ type: 'leader_acquired', epoch: begun.epoch });
    for (const { sequence, next, highest } of begun.advanced) {
      const to = (BigInt(highest) + 1n).toString();
      deps.observe({ type: 'sequence_advanced', sequence, from: next, to });
    }
    const handlers = deps.createHandlers();
    await handlers.prepare(deps.pool, signal);
    const learn = (references: readonly OutputReference[]): void => handlers.learn?.(references);
    const untilOver = AbortSignal.any([signal, over.signal]);
    tasks = runTasks(deps, createLeadership(deps.pool, begun, learn, untilOver));
    await connectAgainAndAgain(deps, begun, handlers, signal);
    tell(describe(signal.reason));
  } catch (error) {
    if (error instanceof WrongDatabase) throw error;
    tell(describe(signal.aborted ? signal.reason : error));
    // A database that is away answers nothing faster by being asked at once.
    await sleep(1_000, undefined, { signal }).catch(() => undefined);
  } finally {
    lost.removeEventListener('abort', onLost);
    over.abort(new Error('the term is over'));
    // Nobody who could lead waits for what takes long to let go: its writes are fenced off already.
    beside.add(tasks);
    void tasks.finally(() => beside.delete(tasks));
  }
}

/** One connection after the other; returns when the signal aborts, throws when the term is over. */
async function connectAgainAndAgain<S>(
  deps: SyncDeps<S>,
  term: Term,
  handlers: BlockHandlers<S>,
  signal: AbortSignal,
): Promise<void> {
  const answering = new Set<string>();
  let choice = FIRST_CHOICE;
  while (!signal.aborted) {
    const outcome = await followOnce(deps, term, handlers, choice, answering, signal);
    if (outcome.error instanceof TermOver) throw outcome.error;
    choice = await nextChoice(deps, choice, outcome, signal);
  }
}

async function followOnce<S>(
  deps: SyncDeps<S>,
  term: Term,
  handlers: BlockHandlers<S>,
  choice: Choice,
  answering: Set<string>,
  signal: AbortSignal,
): Promise<Outcome> {
  const endpoint = endpointName(deps.endpoints, choice);
  let session: ChainSyncSession | null = null;
  let begunAt = Number.POSITIVE_INFINITY;
  let before: string | null = null;
  let follower: Follower | null = null;
  let between: Between<S> | null = null;
  const closing = new AbortController();
  try {
    const cursor = await takeUpCursor(deps.pool, deps.partitionId, handlers);
    const { pool, decode } = deps;
    const untilClosed = AbortSignal.any([signal, closing.signal]);
    between = workBetween(deps, term, handlers.between, choice, untilClosed);
    const { observe } = between;
    follower = createFollower(
      { pool, term, handlers, decode, observe, clock: () => performance.now() },
      cursor,
    );
    before = JSON.stringify(cursor);
    const socket = await openNode(dialOf(deps.endpoints, choice), signal);
    observe({ type: 'connected', endpoint });
    const answersTipQuery = {
      get: () => answering.has(endpoint),
      set: () => void answering.add(endpoint),
    };
    session = createSession(socket, { answersTipQuery });
    const open = session;
    signal.addEventListener('abort', () => open.close('stopped'), {
      once: true,
      signal: closing.signal,
    });
    if (signal.aborted) open.close('stopped');
    const tellHealth = healthTeller(deps.observe);
    void watchNodeHealth(deps.endpoints, choice, tellHealth, untilClosed);
    watchPreferred(deps, choice, follower, open, untilClosed);
    await meet(open, follower, deps, signal);
    begunAt = performance.now();
    await follow(open, follower, signal);
    return { error: null, madeProgress: true };
  } catch (thrown) {
    const error = await endedBySequences(deps.pool, thrown, signal);
    if (error instanceof ChainRefused && follower !== null) {
      const cursor = follower.cursor() ?? { point: 'origin', height: null };
      deps.observe({ type: 'intersection_lost', cursor, instructions: error.message });
    }
    if (error instanceof BooksContradict) {
      const cursor = follower?.cursor() ?? null;
      deps.observe({ type: 'books_contradict', cursor, detail: error.message });
    }
    if (session !== null) deps.observe({ type: 'disconnected', endpoint, reason: describe(error) });
    else if (!(error instanceof BooksContradict)) {
      deps.observe({ type: 'connect_failed', endpoint, reason: describe(error) });
    }
    const after = follower === null ? before : JSON.stringify(follower.cursor());
    // A quiet chain behind a proxy that closes what is idle is no failure; silence is one, and so is what
    // ends before a block could come, however long it took.
    const served =
      error instanceof ConnectionEnded &&
      !(error instanceof Stalled) &&
      performance.now() - begunAt > SERVED_MS_MIN;
    const madeProgress = after !== before || served || describe(error) === PREFERRED_IS_BACK;
    return { error, madeProgress };
  } finally {
    closing.abort();
    session?.close('done with it');
    await between?.settled();
  }
}

/** Below this a connection that ended by itself did nothing for us; reconnecting at once would be a storm. */
const SERVED_MS_MIN = 15_000;

/** Told when it changes, not every ten seconds. */
function healthTeller<S>(observe: SyncDeps<S>['observe']) {
  let told: string | null = null;
  return (health: NodeHealth): void => {
    const problem = nodeProblem(health);
    if (problem === told) return;
    told = problem;
    observe({ type: 'node_health', problem });
  };
}

/** Longer than a shorter fork is given before it is believed, or it never would be. */
const BEHIND_MS_MAX = 30_000;

/** What is taken at once: bounded in blocks and bytes, and by that in time. */
const TAKE = { frames: 500, bytes: 8 * 1024 * 1024 } as const;

async function meet<S>(
  session: ChainSyncSession,
  follower: Follower,
  deps: SyncDeps<S>,
  signal: AbortSignal,
): Promise<void> {
  const alone = deps.endpoints.urls.length === 1;
  const behindMsMax = alone ? Number.POSITIVE_INFINITY : BEHIND_MS_MAX;
  await intersect(session, follower, { ...deps, behindMsMax }, signal);
}

async function follow(
  session: ChainSyncSession,
  follower: Follower,
  signal: AbortSignal,
): Promise<void> {
  session.begin();
  while (!signal.aborted) await follower.apply(await session.take(TAKE));
}

const describe = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

const ignoreAbort =
  (signal: AbortSignal) =>
  (error: unknown): null => {
    if (signal.aborted) return null;
    throw error;
  };
