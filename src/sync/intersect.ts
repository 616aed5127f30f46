import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import {
  type PointOrOrigin,
  SECURITY_PARAMETER_BLOCKS,
  type Slot,
  showPoint,
} from '../chain/point.js';
import { ConnectionEnded } from './connection.js';
import type { Cursor, SyncEvent } from './events.js';
import { ChainRefused, type Follower, heightOf } from './follower.js';
import { offeredHeights, spreadBetween, thinOut } from './points.js';
import { checkpoints, headerOf, headersAt, isOurs, pointsAt } from './queries.js';
import type { ChainSyncSession } from './session.js';
import { type IntersectionAnswer, judgeIntersection } from './verdict.js';

/** Where a new database starts: the contract's START_POINT. */
export type StartPoint = 'tip' | PointOrOrigin;

export type NodeDeps<S> = {
  readonly pool: Pool;
  readonly partitionId: number;
  readonly startPoint: StartPoint;
  readonly observe: (event: SyncEvent<S>) => void;
};

export type IntersectDeps<S> = NodeDeps<S> & {
  /** How long to stay with a node that is behind before another endpoint gets its chance. */
  readonly behindMsMax: number;
};

const POLL_MS = 1_000;
/** A shorter fork is left within seconds by a node that is alive; then it is taken at its word. */
const SHORTER_FORK_MS = 15_000;

/**
 * Puts the node's cursor where ours is, or where our chains part. Returns once the node's chain may
 * be followed; what has to be undone comes as a roll backward afterwards.
 */
export async function intersect<S>(
  session: ChainSyncSession,
  follower: Follower,
  deps: IntersectDeps<S>,
  signal: AbortSignal,
): Promise<void> {
  const since = Date.now();
  const quiet = { ...deps, observe: onceForEachTip(deps.observe) };
  for (;;) {
    if ((await tryIntersect(session, follower, quiet, Date.now() - since)) === 'follow') return;
    if (Date.now() - since > deps.behindMsMax) throw new ConnectionEnded('the node is behind');
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** A node that resyncs is behind for days: said when it moved, not every second. */
function onceForEachTip<S>(observe: (event: SyncEvent<S>) => void) {
  let told: string | null = null;
  return (event: SyncEvent<S>): void => {
    if (event.type === 'node_behind') {
      const tip = event.tip === 'origin' ? 'origin' : event.tip.id;
      if (tip === told) return;
      told = tip;
    }
    observe(event);
  };
}

type Standing = 'follow' | 'wait';

/** One try. @param waitedMs how long this node was waited for already */
export function tryIntersect<S>(
  session: ChainSyncSession,
  follower: Follower,
  deps: NodeDeps<S>,
  waitedMs: number,
): Promise<Standing> {
  const cursor = follower.cursor();
  return cursor === null
    ? startWhereAsked(session, follower, deps)
    : compareWithNode(session, cursor, deps, waitedMs);
}

async function compareWithNode<S>(
  session: ChainSyncSession,
  cursor: Cursor,
  deps: NodeDeps<S>,
  waitedMs: number,
): Promise<Standing> {
  const answer = await session.findIntersection(await pointsToOffer(cursor, deps));
  const ours =
    answer.tip !== 'origin' && (await isOurs(deps.pool, deps.partitionId, answer.tip.id));
  const depth = await depthOf(cursor, answer, deps);
  const verdict = judgeIntersection(cursor, answer, ours, depth);
  switch (verdict.verdict) {
    case 'follow':
      return found(await narrow(session, cursor, answer, depth, deps), deps);
    case 'shorter_fork':
      if (waitedMs >= SHORTER_FORK_MS) {
        return found(await narrow(session, cursor, answer, depth, deps), deps);
      }
      deps.observe({ type: 'node_behind', cursor, tip: answer.tip });
      return 'wait';
    case 'node_behind':
      deps.observe({ type: 'node_behind', cursor, tip: answer.tip });
      return 'wait';
    case 'lost':
      throw new ChainRefused(verdict.instructions);
  }
}

/** A thousand blocks are narrowed down in three rounds. */
const NARROWING_POINTS = 20;

/**
 * Offered points lie ever further apart, so the one that the node knows may be far below where the
 * chains part. Going back to it would reverse payments that never lost their block, and tell users so.
 */
async function narrow<S>(
  session: ChainSyncSession,
  cursor: Cursor,
  first: IntersectionAnswer,
  depth: number | null,
  deps: NodeDeps<S>,
): Promise<IntersectionAnswer> {
  if (depth === null || cursor.height === null) return first;
  let best = first;
  let known: number = cursor.height - depth;
  let unknown: number = cursor.height;
  while (unknown - known > 1) {
    const heights = spreadBetween(known, unknown, NARROWING_POINTS);
    const headers = await headersAt(deps.pool, deps.partitionId, heights);
    if (headers.length === 0) return best;
    const answer = await session.findIntersection(
      headers.map(({ slot, hash }) => ({ slot: slot as Slot, id: hash })),
    );
    const { point } = answer;
    const at = headers.findIndex(
      ({ hash }) => point !== null && point !== 'origin' && hash === point.id,
    );
    // A node that knows none of them stays where the best answer put it.
    if (at >= 0) {
      best = answer;
      unknown = headers[at - 1]?.height ?? unknown;
      known = headers[at]?.height ?? known;
    } else {
      unknown = headers.at(-1)?.height ?? known;
    }
  }
  return best;
}

function found<S>(answer: IntersectionAnswer, deps: NodeDeps<S>): Standing {
  deps.observe({ type: 'intersection_found', point: answer.point ?? 'origin', tip: answer.tip });
  return 'follow';
}

/** Newest first: a node answers with the first one that it knows. */
async function pointsToOffer<S>(cursor: Cursor, deps: NodeDeps<S>): Promise<PointOrOrigin[]> {
  if (cursor.point === 'origin') return ['origin'];
  if (cursor.height === null) return [cursor.point];
  const heights = offeredHeights(cursor.height, SECURITY_PARAMETER_BLOCKS);
  const recent = await pointsAt(deps.pool, deps.partitionId, heights);
  const old = thinOut(await checkpoints(deps.pool, deps.partitionId));
  return recent.length + old.length === 0 ? [cursor.point] : [...recent, ...old];
}

async function depthOf<S>(
  cursor: Cursor,
  answer: IntersectionAnswer,
  deps: NodeDeps<S>,
): Promise<number | null> {
  if (answer.point === null || answer.point === 'origin' || cursor.height === null) return null;
  const header = await headerOf(deps.pool, deps.partitionId, answer.point.id);
  return header === null ? null : cursor.height - header.height;
}

async function startWhereAsked<S>(
  session: ChainSyncSession,
  follower: Follower,
  deps: NodeDeps<S>,
): Promise<Standing> {
  if (deps.startPoint !== 'tip') {
    const answer = await session.findIntersection([deps.startPoint]);
    if (answer.point !== null) {
      await follower.start(
        { point: answer.point, height: heightOf(answer.point, answer.tip) },
        answer.tip,
      );
      return found(answer, deps);
    }
    const { tip } = answer;
    if (deps.startPoint !== 'origin' && (tip === 'origin' || tip.slot < deps.startPoint.slot)) {
      return 'wait';
    }
    throw new ChainRefused(
      `The node doesn't know START_POINT=${showPoint(deps.startPoint)}. Nothing was changed. ` +
        'Give the slot and the hash of a block of its chain (SLOT.BLOCKHASH), tip or origin.',
    );
  }
  const { tip } = await session.findIntersection(['origin']);
  if (tip === 'origin') {
    await follower.start({ point: 'origin', height: null }, tip);
    return found({ point: 'origin', tip }, deps);
  }
  const point = { slot: tip.slot, id: tip.id };
  const answer = await session.findIntersection([point]);
  // The tip was rolled back between the two questions: ask again.
  if (answer.point === null) return 'wait';
  await follower.start({ point, height: tip.height }, answer.tip);
  return found(answer, deps);
}
