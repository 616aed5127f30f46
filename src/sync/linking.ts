import type { Block } from '../chain/block.js';
import type { Point, Slot } from '../chain/point.js';
import type { Cursor, LinkedBlock } from './events.js';
import { type ForwardEvent, misfit } from './verdict.js';

/** Gives every block its point and checks that it stands on the one before; stops at the first that doesn't. */
export function linkBlocks(
  from: Cursor,
  events: readonly ForwardEvent[],
): { blocks: LinkedBlock<Block>[]; problem: string | null } {
  const blocks: LinkedBlock<Block>[] = [];
  let cursor = from;
  for (const { block } of events) {
    const problem = misfit(cursor, block);
    if (problem !== null) return { blocks, problem };
    const slot = block.slot ?? (cursor.point === 'origin' ? (0 as Slot) : cursor.point.slot);
    const point: Point = { slot, id: block.id };
    blocks.push({ block, slot, point });
    cursor = { point, height: block.height };
  }
  return { blocks, problem: null };
}
