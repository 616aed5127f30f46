import type { Block } from '../../chain/block.js';
import { samePoint, showPoint } from '../../chain/point.js';
import type { Reading } from '../../sync/chain-view.js';
import type { Cursor, LinkedBlock } from '../../sync/events.js';
import { readCursor } from '../../sync/queries.js';
import { type ReadingAhead, readAhead } from './reading-ahead.js';
import { realPause } from './real-pause.js';
import type { RebuildContext } from './rebuild-parts.js';
import type { ShadowBooks } from './shadow-books.js';
import { blocksUpTo, blocksUpToPoint } from './take-blocks.js';

/** The chain, read into the shadow's books. */
export type Shadow = {
  /** Reads on until the shadow stands where the books stand. @returns that place */
  catchUp(): Promise<Cursor>;
  close(): Promise<void>;
};

/** Blocks that wait for the books to get there; more aren't read meanwhile. */
const AHEAD_BLOCKS_MAX = 2_000;
/** How often the books are looked at while there is nothing to write. */
const LOOK_EVERY_MS = 100;
/** The books get there sooner where they follow. */
const WAITING_TOLD_AFTER_MS = 1_000;
/** Neither new blocks nor books that move: then the two are on different chains, or nobody follows. */
const STUCK_MS_MAX = 600_000;

export function openShadow(context: RebuildContext, shadow: ShadowBooks): Shadow {
  const { chain, job, now, pause = realPause } = context;
  const { pool, partitionId } = job.leadership;
  let read: readonly LinkedBlock<Block>[] = [];
  let reading: ReadingAhead | null = null;
  let looking: Promise<void> | null = null;
  let movedAt = now().getTime();
  let waitingSince: number | null = null;
  let isWaitingTold = false;

  const noteWaiting = async (): Promise<void> => {
    // Without blocks at hand it's the node that is waited for.
    if (read.length === 0 || isWaitingTold) return;
    waitingSince ??= now().getTime();
    if (now().getTime() - waitingSince < WAITING_TOLD_AFTER_MS) return;
    isWaitingTold = true;
    await shadow.noteWaiting();
  };
  const take = async (next: Reading): Promise<void> => {
    movedAt = now().getTime();
    if (next.type === 'forward') {
      read = [...read, ...next.blocks];
      return;
    }
    const kept = blocksUpToPoint(read, next.point);
    read = kept ?? [];
    if (kept === undefined) await shadow.undoTo(next.point);
  };
  const waitForMore = async (): Promise<void> => {
    if (now().getTime() - movedAt > STUCK_MS_MAX) {
      throw new Error(
        "the books and what the node tells don't meet: read up to " +
          `${showPoint(shadow.progress().at.point)}; look at \`teller status\`, whether the chain is followed`,
      );
    }
    const isFull = read.length >= AHEAD_BLOCKS_MAX;
    if (!isFull) reading ??= readAhead(chain, await shadow.offered(), job.signal);
    looking ??= pause(LOOK_EVERY_MS, job.signal).finally(() => {
      looking = null;
    });
    if (isFull || reading === null) return looking;
    const next = await reading.next(looking);
    if (next !== null) await take(next);
  };
  return {
    async catchUp() {
      // Who compared meanwhile wasn't stuck.
      movedAt = now().getTime();
      for (;;) {
        job.signal.throwIfAborted();
        const cursor = await readCursor(pool, partitionId);
        if (cursor === null) throw new Error('the books have no cursor any more');
        const blocks = blocksUpTo(read, cursor);
        const { at } = shadow.progress();
        if (blocks.length > 0) {
          read = read.slice(blocks.length);
          await shadow.write(blocks, cursor);
          movedAt = now().getTime();
          waitingSince = null;
          isWaitingTold = false;
        } else if (samePoint(at.point, cursor.point)) {
          if (!(await shadow.undoMissed())) return at;
          read = [];
          await reading?.close();
          reading = null;
        } else {
          await noteWaiting();
          await waitForMore();
        }
      }
    },
    async close() {
      await reading?.close();
    },
  };
}
