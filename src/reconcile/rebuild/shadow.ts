import type { Block } from '../../chain/block.js';
import { type PointOrOrigin, samePoint, showPoint } from '../../chain/point.js';
import { inTransaction } from '../../database/transaction.js';
import { matchBlocks } from '../../payments/match.js';
import type { Reading } from '../../sync/chain-view.js';
import type { Cursor, LinkedBlock } from '../../sync/events.js';
import { readCursor } from '../../sync/queries.js';
import { knownPlaces } from './known-places.js';
import { createPace } from './pace.js';
import { placeOf } from './place-queries.js';
import { type ReadingAhead, readAhead } from './reading-ahead.js';
import { realPause } from './real-pause.js';
import { type RebuildContext, RebuildImpossible } from './rebuild-parts.js';
import { heightOf, type RebuildProgress } from './rebuild-progress.js';
import { storeShadowOutputs, storeShadowSpends, undoShadowAbove } from './shadow-queries.js';
import { blocksUpTo, blocksUpToPoint, placeAfter, withHeight } from './take-blocks.js';
import type { Watch } from './watch.js';

/** The chain's facts, derived beside the live tables. */
export type Shadow = {
  /** Reads on until the shadow stands where the books stand. @returns that place */
  catchUp(): Promise<Cursor>;
  progress(): RebuildProgress;
  /** How often what had been written was taken back. */
  rollbacks(): number;
  close(): Promise<void>;
};

/** Blocks that wait for the books to get there; more aren't read meanwhile. */
const AHEAD_BLOCKS_MAX = 2_000;
/** How often the books are looked at while there is nothing to write. */
const LOOK_EVERY_MS = 100;
/** Neither new blocks nor books that move: then the two are on different chains, or nobody follows. */
const STUCK_MS_MAX = 600_000;
/** Places of blocks that a rollback may go back to. */
const PLACES_MAX = 5_000;

/** @param progress as it was saved last */
export function openShadow(
  context: RebuildContext,
  watch: Watch,
  progress: RebuildProgress,
): Shadow {
  const { chain, job, now, pause = realPause } = context;
  const { pool, partitionId } = job.leadership;
  const pace = createPace(context, progress);
  const places = new Map<string, Cursor>();
  let saved = progress;
  let read: readonly LinkedBlock<Block>[] = [];
  let reading: ReadingAhead | null = null;
  let undone = 0;
  let looking: Promise<void> | null = null;
  let movedAt = now().getTime();

  const note = (place: Cursor): void => {
    if (place.point !== 'origin') places.set(place.point.id, place);
    const [oldest] = places.keys();
    if (places.size > PLACES_MAX && oldest !== undefined) places.delete(oldest);
  };
  const open = async (): Promise<ReadingAhead> => {
    const offered = await knownPlaces(pool, partitionId, saved);
    for (const place of [...offered].reverse()) note(place);
    return readAhead(chain, offered, job.signal);
  };
  const write = async (blocks: readonly LinkedBlock<Block>[], cursor: Cursor): Promise<void> => {
    const [first] = blocks;
    const last = blocks.at(-1);
    if (first === undefined || last === undefined) return;
    await watch.learnFor(last.block.height, cursor.height ?? last.block.height);
    const { outputs, spends } = matchBlocks(blocks, watch);
    const from = samePoint(saved.at.point, saved.from.point)
      ? withHeight(saved.from, first)
      : saved.from;
    const counts = {
      outputs: saved.outputs + outputs.length,
      spends: saved.spends + spends.length,
    };
    const next = pace.moved({ ...saved, ...counts, from, at: placeAfter(last) }, cursor);
    await inTransaction(pool, async (tx) => {
      await job.save(tx, next);
      const scope = { jobId: job.id, partitionId, own: watch.own };
      if (outputs.length > 0) await storeShadowOutputs(tx, scope, outputs);
      if (spends.length > 0) await storeShadowSpends(tx, job.id, spends);
    });
    watch.remember(outputs);
    for (const block of blocks) note(placeAfter(block));
    saved = next;
    movedAt = now().getTime();
  };
  const undo = async (point: PointOrOrigin): Promise<void> => {
    const kept = blocksUpToPoint(read, point);
    read = kept ?? [];
    if (kept !== undefined || samePoint(point, saved.at.point)) return;
    const at = await placeFor(point);
    const height = heightOf(at) ?? -1;
    if (height < (heightOf(saved.from) ?? -1)) {
      throw new RebuildImpossible(
        `the chain was rolled back to ${showPoint(point)}, below the block from which it was to be ` +
          'rebuilt: ask for a rebuild from further back',
      );
    }
    const next = { ...saved, at };
    await inTransaction(pool, async (tx) => {
      await job.save(tx, next);
      await undoShadowAbove(tx, job.id, height);
    });
    saved = next;
    undone += 1;
  };
  const placeFor = async (point: PointOrOrigin): Promise<Cursor> => {
    if (point === 'origin') return { point, height: null };
    if (samePoint(point, saved.from.point)) return saved.from;
    const place = places.get(point.id) ?? (await placeOf(pool, partitionId, point.id));
    // Asked again, the node begins at a place that is known.
    if (place === null) throw new Error(`rolled back to ${showPoint(point)}, of unknown height`);
    return place;
  };
  const take = async (next: Reading): Promise<void> => {
    movedAt = now().getTime();
    if (next.type === 'backward') await undo(next.point);
    else read = [...read, ...next.blocks];
  };
  const waitForMore = async (): Promise<void> => {
    if (now().getTime() - movedAt > STUCK_MS_MAX) {
      throw new Error(
        `the books and what the node tells don't meet: read up to ${showPoint(saved.at.point)}; ` +
          'look at `teller status`, whether the chain is followed',
      );
    }
    looking ??= pause(LOOK_EVERY_MS, job.signal).finally(() => {
      looking = null;
    });
    if (read.length >= AHEAD_BLOCKS_MAX) return looking;
    reading ??= await open();
    const next = await reading.next(looking);
    if (next !== null) await take(next);
  };
  return {
    async catchUp() {
      for (;;) {
        job.signal.throwIfAborted();
        const cursor = await readCursor(pool, partitionId);
        if (cursor === null) throw new Error('the books have no cursor any more');
        const blocks = blocksUpTo(read, cursor);
        if (blocks.length > 0) {
          read = read.slice(blocks.length);
          await write(blocks, cursor);
          continue;
        }
        if (samePoint(saved.at.point, cursor.point)) return saved.at;
        await waitForMore();
      }
    },
    progress: () => saved,
    rollbacks: () => undone,
    async close() {
      await reading?.close();
    },
  };
}
