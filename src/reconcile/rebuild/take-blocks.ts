import type { Block } from '../../chain/block.js';
import type { PointOrOrigin } from '../../chain/point.js';
import type { Cursor, LinkedBlock } from '../../sync/events.js';

type Blocks = readonly LinkedBlock<Block>[];

/**
 * Of blocks that were read, those that the books have passed. What is above has to wait: an address that
 * is registered before the books get there counts in it.
 */
export function blocksUpTo(read: Blocks, cursor: Cursor): Blocks {
  const { point, height } = cursor;
  if (point === 'origin') return [];
  const met = read.findIndex(({ block }) => block.id === point.id);
  if (met >= 0) return read.slice(0, met + 1);
  if (height === null) return [];
  const above = read.findIndex(({ block }) => block.height > height);
  return above < 0 ? read : read.slice(0, above);
}

/** What is left of read blocks after a rollback; undefined where it goes below all of them. */
export function blocksUpToPoint(read: Blocks, point: PointOrOrigin): Blocks | undefined {
  if (point === 'origin') return undefined;
  const kept = read.findIndex(({ block }) => block.id === point.id);
  return kept < 0 ? undefined : read.slice(0, kept + 1);
}

/** The place that a block leads to. */
export const placeAfter = ({ block, point }: LinkedBlock<Block>): Cursor => ({
  point,
  height: block.height,
});

/** A place that was known only by slot and hash: the block after it tells its height. */
export function withHeight(place: Cursor, next: LinkedBlock<Block>): Cursor {
  if (place.point === 'origin' || place.height !== null) return place;
  const { type, height } = next.block;
  const before = type === 'ebb' ? height : height - 1;
  return { point: place.point, height: before as typeof height };
}
