import type { Era } from '../../chain/era-summaries.js';
import type { Slot } from '../../chain/point.js';

/**
 * The slot that a time in the past falls into; before the network's start it is the first one.
 *
 * @param ms since the network's start
 */
export function slotAtMs(eras: readonly Era[], ms: number): Slot {
  const era = eras.findLast(({ startMs }) => startMs <= ms);
  if (era === undefined) return 0 as Slot;
  const slot = era.startSlot + Math.floor((ms - era.startMs) / era.slotMs);
  // Past the last era that is told of, its own end is all that is known.
  const last = era.endSlot === null ? slot : Math.min(slot, era.endSlot);
  return last as Slot;
}
