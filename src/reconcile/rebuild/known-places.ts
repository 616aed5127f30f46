import { SECURITY_PARAMETER_BLOCKS, samePoint } from '../../chain/point.js';
import type { Queryable } from '../../database/transaction.js';
import type { Cursor } from '../../sync/events.js';
import { offeredHeights, thinOut } from '../../sync/points.js';
import { checkpointsBetween, headersBetween } from './place-queries.js';
import { heightOf, type RebuildProgress } from './rebuild-progress.js';

/**
 * Where reading may go on, newest first: where it was, then ever further back, for a fork may have come
 * meanwhile, and never below where the rebuild began.
 */
export async function knownPlaces(
  db: Queryable,
  partitionId: number,
  { from, at }: Pick<RebuildProgress, 'from' | 'at'>,
): Promise<Cursor[]> {
  if (samePoint(from.point, at.point)) return [from];
  const below = heightOf(at);
  const above = heightOf(from);
  if (below === null || above === null) return [at, from];
  const heights = offeredHeights(below, SECURITY_PARAMETER_BLOCKS);
  const headers = await headersBetween(db, partitionId, { above, below }, heights);
  const checkpoints = await checkpointsBetween(db, partitionId, { above, below });
  return [at, ...headers, ...thinOut(checkpoints), from];
}
