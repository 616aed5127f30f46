import { type Point, showPoint } from '../../chain/point.js';
import type { Queryable } from '../../database/transaction.js';
import { type ChainView, PlaceUnknown } from '../../sync/chain-view.js';
import type { Cursor } from '../../sync/events.js';
import { placeOf } from './place-queries.js';

/** The block that somebody named is on no chain that is known here; the message says what to do. */
export class NoSuchPlace extends Error {
  override readonly name = 'NoSuchPlace';
}

/**
 * The block from which somebody wants a rebuild to begin. What isn't kept may be on our chain all the same: the
 * node is asked.
 *
 * @throws NoSuchPlace
 */
export async function placeGiven(
  db: Queryable,
  chain: ChainView,
  partitionId: number,
  point: Point,
  signal: AbortSignal,
): Promise<Cursor> {
  const kept = await placeOf(db, partitionId, point.id);
  if (kept !== null && kept.point !== 'origin') {
    if (kept.point.slot === point.slot) return kept;
    throw new NoSuchPlace(
      `--from: given ${showPoint(point)}, but that block is of slot ${kept.point.slot}: ` +
        showPoint(kept.point),
    );
  }
  const place: Cursor = { point, height: null };
  if (await nodeKnows(chain, place, signal)) return place;
  throw new NoSuchPlace(
    `--from: given ${showPoint(point)}, which is no block of the chain that the node follows: ` +
      'look the block up once more, or give days ago like `7d`',
  );
}

/** Whether a block is on the chain that the node follows. */
async function nodeKnows(chain: ChainView, place: Cursor, signal: AbortSignal): Promise<boolean> {
  try {
    // The first answer is always the place itself.
    for await (const reading of chain.read([place], signal)) return reading.type === 'backward';
    signal.throwIfAborted();
    return false;
  } catch (error) {
    if (error instanceof PlaceUnknown) return false;
    throw error;
  }
}
