import { type Point, samePoint } from '../../chain/point.js';
import type { Queryable } from '../../database/transaction.js';
import type { Cursor } from '../../sync/events.js';
import { readCursor } from '../../sync/queries.js';
import { startHeight } from '../runs/address-queries.js';
import { NoSuchPlace, placeGiven } from './place-given.js';
import { lowestPlace, placeAtOrBefore } from './place-queries.js';
import { nearest, parseRebuildFrom, REBUILD_FROM_FORMS } from './rebuild-from.js';
import { type RebuildContext, RebuildImpossible } from './rebuild-parts.js';

const ORIGIN: Cursor = { point: 'origin', height: null };
const DAY_MS = 86_400_000;

/** The block above which chain facts are derived again. @throws RebuildImpossible */
export async function findStart(context: RebuildContext): Promise<Cursor> {
  const { job } = context;
  const { pool, partitionId } = job.leadership;
  const given = String(job.params.from);
  const from = parseRebuildFrom(given);
  if (from === undefined) {
    throw new RebuildImpossible(`--from: given ${given}, wanted ${REBUILD_FROM_FORMS}`);
  }
  const cursor = await expectFollowed(pool, partitionId);
  switch (from.type) {
    case 'origin':
      return ORIGIN;
    case 'point':
      return startAtPoint(context, from.point);
    case 'days':
      return startDaysAgo(context, from.days, cursor);
  }
}

/** Without a start point there are no books. @throws RebuildImpossible */
export async function expectFollowed(db: Queryable, partitionId: number): Promise<Cursor> {
  const cursor = await readCursor(db, partitionId);
  if (cursor !== null) return cursor;
  throw new RebuildImpossible(
    'this database has not followed a block yet, so there is nothing to rebuild: ' +
      'start `teller run` and wait until it has applied its first block',
  );
}

async function startAtPoint({ chain, job }: RebuildContext, point: Point): Promise<Cursor> {
  const { pool, partitionId } = job.leadership;
  try {
    return await placeGiven(pool, chain, partitionId, point, job.signal);
  } catch (error) {
    if (error instanceof NoSuchPlace) throw new RebuildImpossible(error.message);
    throw error;
  }
}

/** The block nearest to that time. A database that is younger begins where it began. */
async function startDaysAgo(
  context: RebuildContext,
  days: number,
  cursor: Cursor,
): Promise<Cursor> {
  const { job, now, slotAt } = context;
  const { pool, partitionId } = job.leadership;
  const slot = await slotAt(new Date(now().getTime() - days * DAY_MS), job.signal);
  if (cursor.point !== 'origin' && cursor.point.slot <= slot) return cursor;
  const before = await placeAtOrBefore(pool, partitionId, slot);
  if (before !== null) return nearestTo(context, before, slot);
  const start = await startHeight(pool, partitionId);
  if (start === null || start >= 0) return (await lowestPlace(pool, partitionId)) ?? ORIGIN;
  return nearestTo(context, ORIGIN, slot);
}

/** Reads on from a kept block to the two that the slot lies between. */
async function nearestTo(
  { chain, job }: RebuildContext,
  from: Cursor,
  slot: number,
): Promise<Cursor> {
  let before = { slot: from.point === 'origin' ? -1 : from.point.slot, place: from };
  for await (const reading of chain.read([from], job.signal)) {
    if (reading.type === 'backward') {
      const { point } = reading;
      // The first answer is always this; later it is a fork, and the height is told by the next block.
      const place = samePoint(point, from.point) ? from : { point, height: null };
      before = { slot: point === 'origin' ? -1 : point.slot, place };
      continue;
    }
    for (const { block, point, slot: made } of reading.blocks) {
      // A boundary block is never offered to a node.
      if (block.type === 'ebb') continue;
      const after = { slot: made, place: { point, height: block.height } };
      if (made > slot) return nearest(before, after, slot).place;
      before = after;
    }
    if (reading.tip === 'origin' || reading.tip.slot <= before.slot) return before.place;
  }
  return before.place;
}
