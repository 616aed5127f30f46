import type { Block } from '../../chain/block.js';
import { type PointOrOrigin, samePoint, showPoint } from '../../chain/point.js';
import { atOneMoment, inTransaction } from '../../database/transaction.js';
import { type Hits, matchBlocks } from '../../payments/match.js';
import type { Cursor, LinkedBlock } from '../../sync/events.js';
import { knownPlaces } from './known-places.js';
import { createPace } from './pace.js';
import { createPlaceMemory } from './place-memory.js';
import { placeOf, placeUpTo } from './place-queries.js';
import type { RebuildContext } from './rebuild-parts.js';
import { heightOf, type RebuildProgress } from './rebuild-progress.js';
import { storeShadowOutputs, storeShadowSpends, undoShadowAbove } from './shadow-queries.js';
import { StartLost } from './start-lost.js';
import { placeAfter, withHeight } from './take-blocks.js';
import type { Watch } from './watch.js';

/** What was derived, and how far: both are written together, or not at all. */
export type ShadowBooks = {
  progress(): RebuildProgress;
  /** How often what had been written was taken back. */
  rollbacks(): number;
  /** Where reading may go on, newest first. */
  offered(): Promise<readonly Cursor[]>;
  /** @param cursor where the books are, no lower than the blocks */
  write(blocks: readonly LinkedBlock<Block>[], cursor: Cursor): Promise<void>;
  /** What was read is held against the books. @returns how far it is, to be saved by whoever does */
  beginComparing(): RebuildProgress;
  /** For whoever looks: it is compared, and a block that comes is read before it is applied. */
  noteApplying(): Promise<void>;
  /** For whoever looks: there is more to write, once the books are there. */
  noteWaiting(): Promise<void>;
  undoTo(point: PointOrOrigin): Promise<void>;
  /** Takes back what has to be read and matched once more. @returns whether there was anything */
  undoMissed(): Promise<boolean>;
};

/** @param progress as it was saved last */
export function openShadowBooks(
  context: RebuildContext,
  watch: Watch,
  progress: RebuildProgress,
): ShadowBooks {
  const { job } = context;
  const { pool, partitionId } = job.leadership;
  const pace = createPace(context, progress);
  const memory = createPlaceMemory();
  let saved: RebuildProgress = { ...progress, stage: 'reading', last: null };
  let shown = saved.stage;
  let undone = 0;

  const placeFor = async (point: PointOrOrigin): Promise<Cursor> => {
    if (point === 'origin') return { point, height: null };
    if (samePoint(point, saved.from.point)) return saved.from;
    const place = memory.find(point.id) ?? (await placeOf(pool, partitionId, point.id));
    // Asked again, the node begins at a place that is known.
    if (place === null) throw new Error(`rolled back to ${showPoint(point)}, of unknown height`);
    return place;
  };
  const goBack = async (at: Cursor): Promise<void> => {
    const height = heightOf(at) ?? -1;
    refuseBelow(saved.from, at.point, height);
    const done = Math.max(0, height - (heightOf(saved.from) ?? -1));
    const next: RebuildProgress = { ...saved, stage: 'reading', at, done, secondsLeft: null };
    await inTransaction(pool, async (tx) => {
      await job.save(tx, next);
      await undoShadowAbove(tx, job.id, height);
    });
    saved = next;
    shown = next.stage;
    undone += 1;
    watch.noteMatched(height);
  };
  const show = async (stage: RebuildProgress['stage']): Promise<void> => {
    await inTransaction(pool, (tx) => job.save(tx, { ...saved, stage }));
    shown = stage;
  };
  watch.noteMatched(heightOf(saved.at) ?? -1);
  return {
    progress: () => saved,
    rollbacks: () => undone,
    async offered() {
      const offered = await knownPlaces(pool, partitionId, saved);
      memory.note([...offered].reverse());
      return offered;
    },
    async write(blocks, cursor) {
      const last = blocks.at(-1);
      if (last === undefined) return;
      await watch.learnFor(last.block.height, cursor.height ?? last.block.height);
      const hits = matchBlocks(blocks, watch);
      const read = { ...advance(saved, blocks, hits), looked: watch.looked() };
      const next = pace.moved(read, cursor);
      await inTransaction(pool, async (tx) => {
        await job.save(tx, next);
        const scope = { jobId: job.id, partitionId, own: watch.own };
        if (hits.outputs.length > 0) await storeShadowOutputs(tx, scope, hits.outputs);
        if (hits.spends.length > 0) await storeShadowSpends(tx, job.id, hits.spends);
      });
      watch.remember(hits.outputs);
      watch.noteMatched(last.block.height);
      memory.note(blocks.map(placeAfter));
      saved = next;
      shown = next.stage;
    },
    beginComparing() {
      const comparisons = (saved.last?.comparisons ?? 0) + 1;
      saved = { ...saved, stage: 'comparing', last: { comparisons, newBlocks: 0 } };
      shown = saved.stage;
      return saved;
    },
    async noteApplying() {
      if (shown !== 'applying') await show('applying');
      saved = { ...saved, stage: 'applying' };
    },
    noteWaiting: () => show('waiting'),
    async undoTo(point) {
      if (!samePoint(point, saved.at.point)) await goBack(await placeFor(point));
    },
    async undoMissed() {
      const lowest = heightOf(saved.from) ?? -1;
      const above = await watch.missedAbove(lowest);
      if (above === null || saved.at.point === 'origin') return false;
      const { id } = saved.at.point;
      const [here, kept] = await atOneMoment(pool, async (tx) => [
        await placeOf(tx, partitionId, id),
        await placeUpTo(tx, partitionId, above),
      ]);
      // The books have gone on to another fork: reading is told of that as well.
      if (here === null) return false;
      const isAbove = kept !== null && (heightOf(kept) ?? -1) > lowest;
      await goBack(isAbove ? kept : saved.from);
      return true;
    },
  };
}

function advance(
  saved: RebuildProgress,
  blocks: readonly LinkedBlock<Block>[],
  { outputs, spends }: Hits,
): RebuildProgress {
  const [first] = blocks;
  const last = blocks.at(-1);
  if (first === undefined || last === undefined) return saved;
  const isFirst = samePoint(saved.at.point, saved.from.point);
  return {
    ...saved,
    stage: saved.stage === 'applying' ? 'applying' : 'reading',
    last: saved.last && { ...saved.last, newBlocks: saved.last.newBlocks + blocks.length },
    from: isFirst ? withHeight(saved.from, first) : saved.from,
    at: placeAfter(last),
    outputs: saved.outputs + outputs.length,
    spends: saved.spends + spends.length,
  };
}

function refuseBelow(from: Cursor, point: PointOrOrigin, height: number): void {
  // Nothing is below the origin; and below a block of which nothing but its hash is known lies all that is elsewhere.
  const lowest = from.point === 'origin' ? -1 : heightOf(from);
  if (lowest === null || height < lowest) throw new StartLost(from, point);
}
