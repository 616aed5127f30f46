import { type PointOrOrigin, showPoint } from '../../chain/point.js';
import type { Queryable } from '../../database/transaction.js';
import { PlaceUnknown } from '../../sync/chain-view.js';
import type { Cursor } from '../../sync/events.js';
import { isGivenUp } from './place-queries.js';
import { RebuildImpossible } from './rebuild-parts.js';

/** A fork took the block away above which the chain was to be derived again. */
export class StartLost extends RebuildImpossible {
  /** @param to where the chain was rolled back to, where that is known */
  constructor(from: Cursor, to: PointOrOrigin | null) {
    const where = to === null ? '' : ` to ${showPoint(to)}`;
    super(
      `the chain was rolled back${where}, below ${showPoint(from.point)}, the block from which it was to be ` +
        'rebuilt: ask for a rebuild from further back',
    );
  }
}

/**
 * A node that knows no place to go on from is on another fork than what was read, or behind. Where the books
 * have left the block that it all began at, no node is waited for.
 */
export async function startLost(
  db: Queryable,
  partitionId: number,
  from: Cursor,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof PlaceUnknown) || from.point === 'origin') return error;
  return (await isGivenUp(db, partitionId, from.point)) ? new StartLost(from, null) : error;
}
