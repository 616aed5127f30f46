import type { Pool } from 'pg';
import type { Block, OutputReference } from '../chain/block.js';
import type { DecodeNextBlock } from '../chain/decode.js';
import {
  type Height,
  type Point,
  type PointOrOrigin,
  SECURITY_PARAMETER_BLOCKS,
  type Slot,
  samePoint,
  showPoint,
  type TipOrOrigin,
} from '../chain/point.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import type { WorkBetween } from './between.js';
import type { Cursor, LinkedBlock, SyncEvent } from './events.js';
import { linkBlocks } from './linking.js';
import { CHECKPOINT_INTERVAL_BLOCKS } from './points.js';
import {
  deleteHeadersAbove,
  type Header,
  headerOf,
  insertHeaders,
  moveCursor,
  noteStartHeight,
  pruneHeaders,
  storedExtent,
  type Term,
} from './queries.js';
import { type BackwardEvent, cutIntoStretches, type ForwardEvent } from './verdict.js';

/** What happens with blocks, handed in: following a chain knows nothing of payments. */
export type BlockHandlers<S> = {
  /** Once a term, before anything is applied. */
  prepare(pool: Pool, signal?: AbortSignal): Promise<void>;
  forward(tx: Tx, blocks: readonly LinkedBlock<Block>[], at: Date): Promise<S>;
  /** Undoes everything above the height; -1 undoes all. `undone`: blocks that this takes back. */
  backward(tx: Tx, height: number, at: Date, undone: number): Promise<S>;
  /** What only the node's ledger can tell, asked beside the chain. */
  between?: WorkBetween;
  /**
   * Outputs that were recorded without a block of this term: their spends are looked for from the next
   * block on. To be told before the transaction that records them commits.
   */
  learn?(references: readonly OutputReference[]): void;
  /** @throws BooksContradict where what is recorded says that the cursor is another, or was lost */
  expectCursor?(pool: Pool): Promise<void>;
};

export type FollowerDeps<S> = {
  readonly pool: Pool;
  readonly term: Term;
  readonly handlers: BlockHandlers<S>;
  readonly decode: DecodeNextBlock;
  readonly observe: (event: SyncEvent<S>) => void;
  /** Milliseconds of any monotonic clock. */
  readonly clock: () => number;
};

/** The fence refused: another leader's term began, or the books moved under us. */
export class TermOver extends Error {
  override readonly name = 'TermOver';
}

/** A block that can't be read. Everything before it is committed; it is asked for again. */
export class UndecodableBlock extends Error {
  override readonly name = 'UndecodableBlock';
}

/** The node's chain contradicts the books in a way that only a person may resolve. */
export class ChainRefused extends Error {
  override readonly name = 'ChainRefused';
}

/** The node broke the protocol: what it sent doesn't fit what it sent before. */
export class BrokenSequence extends Error {
  override readonly name = 'BrokenSequence';
}

export type Follower = {
  cursor(): Cursor | null;
  /** Chooses where a new database starts. */
  start(at: Cursor, tip: TipOrOrigin): Promise<void>;
  /** Applies answers to `nextBlock`, in order; all before a bad one are committed. */
  apply(frames: readonly string[]): Promise<void>;
};

/** @param cursor where the books are, read under the term; null for a new database */
export function createFollower<S>(deps: FollowerDeps<S>, cursor: Cursor | null): Follower {
  let at = cursor;
  return {
    cursor: () => at,
    start: async (point, tip) => {
      await startAt(deps, point, tip);
      at = point;
    },
    apply: async (frames) => {
      if (at === null) throw new Error('a follower must be started before it applies');
      const { events, failure } = decodeAll(deps.decode, frames);
      for (const stretch of cutIntoStretches(events)) {
        at =
          stretch.type === 'forward'
            ? await applyForward(deps, at, stretch.events)
            : await applyBackward(deps, at, stretch.event);
      }
      if (failure !== null) {
        deps.observe({ type: 'undecodable_block', after: at.point, error: failure });
        throw new UndecodableBlock(
          `the block after ${showPoint(at.point)} can't be read: ${failure.message}`,
          {
            cause: failure,
          },
        );
      }
    },
  };
}

function decodeAll(decode: DecodeNextBlock, frames: readonly string[]) {
  const events = [];
  for (const frame of frames) {
    try {
      events.push(decode(frame));
    } catch (error) {
      return { events, failure: error instanceof Error ? error : new Error(String(error)) };
    }
  }
  return { events, failure: null };
}

async function startAt<S>(deps: FollowerDeps<S>, to: Cursor, tip: TipOrOrigin): Promise<void> {
  await inTransaction(deps.pool, async (tx) => {
    await fence(tx, deps.term, null, to, tip);
    const { partitionId } = deps.term;
    if (to.point === 'origin') await noteStartHeight(tx, partitionId, -1);
    else if (to.height !== null) {
      await noteStartHeight(tx, partitionId, to.height);
      await insertHeaders(tx, partitionId, [startHeader(to.point, to.height)]);
    }
  });
}

async function applyForward<S>(
  deps: FollowerDeps<S>,
  from: Cursor,
  events: readonly [ForwardEvent, ...ForwardEvent[]],
): Promise<Cursor> {
  const started = deps.clock();
  const { blocks, problem } = linkBlocks(from, events);
  const last = blocks.at(-1);
  const tip = events[Math.max(0, blocks.length - 1)]?.tip ?? 'origin';
  let to = from;
  if (last !== undefined) {
    to = { point: last.point, height: last.block.height };
    const summary = await inTransaction(deps.pool, async (tx) => {
      const at = await fence(tx, deps.term, from, to, tip);
      await storeHeaders(tx, deps.term.partitionId, from, blocks);
      return deps.handlers.forward(tx, blocks, at);
    });
    const durationMs = deps.clock() - started;
    deps.observe({ type: 'forward', cursor: to, tip, blocks: blocks.length, durationMs, summary });
  }
  if (problem !== null) throw new BrokenSequence(problem);
  return to;
}

/** Pruned this seldom, so that most commits at the tip delete nothing. */
const PRUNE_INTERVAL_BLOCKS = 100;

async function storeHeaders(
  tx: Tx,
  partitionId: number,
  from: Cursor,
  blocks: readonly LinkedBlock<Block>[],
): Promise<void> {
  const [first] = blocks;
  const last = blocks.at(-1);
  if (first === undefined || last === undefined) return;
  const headers: Header[] = blocks.map(({ block, slot }) => ({
    hash: block.id,
    height: block.height,
    slot,
    ancestor: block.ancestor,
    boundary: block.type === 'ebb',
  }));
  if (from.height === null && from.point !== 'origin') {
    // Only now is the start point's height known; stored, it can be rolled back to.
    const height = first.block.type === 'ebb' ? first.block.height : first.block.height - 1;
    headers.unshift(startHeader(from.point, height));
    await noteStartHeight(tx, partitionId, height);
  }
  await insertHeaders(tx, partitionId, headers);
  const crossed =
    Math.floor((first.block.height - 1) / PRUNE_INTERVAL_BLOCKS) !==
    Math.floor(last.block.height / PRUNE_INTERVAL_BLOCKS);
  if (crossed) {
    const below = last.block.height - SECURITY_PARAMETER_BLOCKS;
    await pruneHeaders(tx, partitionId, below, CHECKPOINT_INTERVAL_BLOCKS);
  }
}

const startHeader = (point: Point, height: number): Header => ({
  hash: point.id,
  height,
  slot: point.slot,
  ancestor: null,
  boundary: false,
});

async function applyBackward<S>(
  deps: FollowerDeps<S>,
  from: Cursor,
  { point, tip }: BackwardEvent,
): Promise<Cursor> {
  if (samePoint(point, from.point)) {
    // The first answer after an intersection is always this; it is no fork.
    deps.observe({ type: 'tip', cursor: from, tip });
    return from;
  }
  const started = deps.clock();
  const { partitionId } = deps.term;
  const to = await rollbackTarget(deps.pool, partitionId, from, { point, tip });
  const { undone, summary } = await inTransaction(deps.pool, async (tx) => {
    const at = await fence(tx, deps.term, from, to, tip);
    const height = to.height ?? -1;
    const hash = to.point === 'origin' ? '' : to.point.id;
    const removed = await deleteHeadersAbove(tx, partitionId, { height, hash });
    const undone = from.height === null || to.height === null ? removed : from.height - to.height;
    return { undone, summary: await deps.handlers.backward(tx, height, at, undone) };
  });
  const durationMs = deps.clock() - started;
  deps.observe({
    type: 'backward',
    cursor: to,
    tip,
    blocksRolledBack: undone,
    durationMs,
    summary,
  });
  return to;
}

/** Where a rollback ends, or why it is refused. */
async function rollbackTarget(
  pool: Pool,
  partitionId: number,
  from: Cursor,
  { point, tip }: { readonly point: PointOrOrigin; readonly tip: TipOrOrigin },
): Promise<Cursor> {
  if (point !== 'origin') {
    const header = await headerOf(pool, partitionId, point.id);
    if (header !== null) {
      return {
        point: { slot: header.slot as Slot, id: header.hash },
        height: header.height as Height,
      };
    }
  }
  const { stored, oldestSlot, complete } = await storedExtent(pool, partitionId);
  // What was pruned can't be counted any more, so it was more than k: undoing "all" would undo years.
  if (!complete || stored > SECURITY_PARAMETER_BLOCKS) {
    throw new ChainRefused(
      `the node rolled back to ${showPoint(point)}, further than k = ${SECURITY_PARAMETER_BLOCKS} blocks. ` +
        'No honest node does. Nothing was changed. Check that OGMIOS_URL leads to a node of NETWORK.',
    );
  }
  // Below the first stored block: a database that started at the tip. Everything followed is undone.
  if (point === 'origin' || oldestSlot === null || point.slot < oldestSlot) {
    return { point, height: heightOf(point, tip) };
  }
  throw new BrokenSequence(
    `the node rolled back to ${showPoint(point)}, which isn't on the chain it sent up to ${showPoint(from.point)}`,
  );
}

/** Only the tip has a height; that of any other point is told by the block after it. */
export const heightOf = (point: PointOrOrigin, tip: TipOrOrigin): Height | null =>
  point !== 'origin' && tip !== 'origin' && point.id === tip.id ? tip.height : null;

async function fence(
  tx: Tx,
  term: Term,
  from: Cursor | null,
  to: Cursor,
  tip: TipOrOrigin,
): Promise<Date> {
  const at = await moveCursor(tx, term, from, to, tip);
  if (at === null) {
    throw new TermOver(`epoch ${term.epoch} no longer leads partition ${term.partitionId}`);
  }
  return at;
}
