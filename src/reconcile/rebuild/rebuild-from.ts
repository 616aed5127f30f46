import { type Point, parsePoint } from '../../chain/point.js';

/** Where somebody wants a rebuild to begin. */
export type RebuildFrom =
  | { readonly type: 'origin' }
  | { readonly type: 'point'; readonly point: Point }
  | { readonly type: 'days'; readonly days: number };

export const REBUILD_FROM_FORMS = '`origin`, SLOT.BLOCKHASH, or days ago like `7d`';

/** Undefined where it is none of the forms. */
export function parseRebuildFrom(text: string): RebuildFrom | undefined {
  if (text === 'origin') return { type: 'origin' };
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  if (days !== undefined) return { type: 'days', days: Number(days) };
  const point = parsePoint(text);
  return point === undefined ? undefined : { type: 'point', point };
}

type Placed = { readonly slot: number };

/** Which of two neighbours is nearer to a slot; the earlier one where both are as near. */
export const nearest = <T extends Placed>(before: T, after: T, slot: number): T =>
  slot - before.slot <= after.slot - slot ? before : after;
