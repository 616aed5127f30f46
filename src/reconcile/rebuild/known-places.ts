import { SECURITY_PARAMETER_BLOCKS, samePoint } from '../../chain/point.js';
import type { Queryable } from '../../database/transaction.js';
import type { Cursor } from '../../sync/events.js';
import { offeredHeights, thinOut } from '../../sync/points.js';
import { ancestorCheckpoints, ancestorHeaders } from './place-queries.js';
import { heightOf, type RebuildProgress } from './rebuild-progress.js';

/**
 * Where reading may go on, newest first: where it was, then ever further back, for a fork may have come
 * meanwhile, and never below where the rebuild began. The books may be on that fork already, and only what
 * was read may be gone on from: of their blocks, those that are below where it was on any chain.
 */
export async function knownPlaces(
  db: Queryable,
  partitionId: number,
  { from, at }: Pick<RebuildProgress, 'from' | 'at'>,
): Promise<Cursor[]> {
  if (at.point === 'origin' || samePoint(from.point, at.point)) return [from];
  const below = heightOf(at);
  const above = heightOf(from);
  if (below === null || above === null) return [at, from];
  const settled = below - SECURITY_PARAMETER_BLOCKS;
  const ancestry = { above, below, settled, hash: at.point.id };
  const heights = offeredHeights(below, SECURITY_PARAMETER_BLOCKS);
  const headers = await ancestorHeaders(db, partitionId, ancestry, heights);
  const checkpoints = await ancestorCheckpoints(db, partitionId, ancestry);
  return [at, ...headers, ...thinOut(checkpoints), from];
}
