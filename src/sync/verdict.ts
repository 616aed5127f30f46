import type { Block, ChainEvent } from '../chain/block.js';
import {
  type PointOrOrigin,
  SECURITY_PARAMETER_BLOCKS,
  samePoint,
  showPoint,
  type TipOrOrigin,
} from '../chain/point.js';
import type { Cursor } from './events.js';

/** What a node answered to `findIntersection`; `point` is null where it knows none of ours. */
export type IntersectionAnswer = {
  readonly point: PointOrOrigin | null;
  readonly tip: TipOrOrigin;
};

export type IntersectionVerdict =
  /** Go on from there; what lies above it is about to be rolled back. */
  | { readonly verdict: 'follow' }
  /** The node's chain is a beginning of ours: it restarted or is still syncing. It forked nothing. */
  | { readonly verdict: 'node_behind' }
  /** Another chain, but a shorter one. No honest node stays there for long: give it time first. */
  | { readonly verdict: 'shorter_fork' }
  | { readonly verdict: 'lost'; readonly instructions: string };

/**
 * @param tipIsOurs whether the node's tip is a block we have applied
 * @param depth blocks between the cursor and the answered point; null where it isn't stored
 */
export function judgeIntersection(
  cursor: Cursor,
  answer: IntersectionAnswer,
  tipIsOurs: boolean,
  depth: number | null,
): IntersectionVerdict {
  const { point, tip } = answer;
  if (point !== null && samePoint(point, cursor.point)) return { verdict: 'follow' };
  if (point === null) {
    return isBehind(cursor, tip)
      ? { verdict: 'node_behind' }
      : { verdict: 'lost', instructions: lostInstructions(cursor) };
  }
  if (tipIsOurs || tip === 'origin') return { verdict: 'node_behind' };
  if (depth === null || depth > SECURITY_PARAMETER_BLOCKS) {
    return isBehind(cursor, tip)
      ? { verdict: 'node_behind' }
      : { verdict: 'lost', instructions: lostInstructions(cursor) };
  }
  return isBehind(cursor, tip) ? { verdict: 'shorter_fork' } : { verdict: 'follow' };
}

function isBehind(cursor: Cursor, tip: TipOrOrigin): boolean {
  if (tip === 'origin') return true;
  if (cursor.point === 'origin') return false;
  return cursor.height === null ? tip.slot < cursor.point.slot : tip.height < cursor.height;
}

const lostInstructions = (cursor: Cursor): string =>
  `The node knows none of the blocks recorded up to ${showPoint(cursor.point)}. Nothing was changed. ` +
  'Check that OGMIOS_URL leads to a node of NETWORK that is in sync; where it does, the chain was ' +
  'rolled back further than any honest node does, or the START_POINT of a new database does not exist.';

/** Whether a block may stand on the cursor; otherwise the reason why it can't. */
export function misfit(cursor: Cursor, block: Block): string | null {
  if (cursor.point === 'origin') {
    return block.height <= 1 ? null : `block ${block.height} can't be the first one of a chain`;
  }
  if (block.ancestor !== cursor.point.id) {
    return `block ${block.id} stands on ${block.ancestor}, not on ${cursor.point.id}`;
  }
  const expected =
    cursor.height === null || block.type === 'ebb' ? cursor.height : cursor.height + 1;
  return expected === null || block.height === expected
    ? null
    : `block ${block.id} has height ${block.height} where ${expected} was expected`;
}

/** From this many blocks below the node's tip on, each block is committed at once. */
export const TIP_GEAR_BLOCKS = 20;

export type ForwardEvent = Extract<ChainEvent, { type: 'forward' }>;
export type BackwardEvent = Extract<ChainEvent, { type: 'backward' }>;
export type Stretch =
  | { readonly type: 'forward'; readonly events: readonly [ForwardEvent, ...ForwardEvent[]] }
  | { readonly type: 'backward'; readonly event: BackwardEvent };

/** Cuts what has arrived into transactions: whole runs far from the tip, single blocks near it. */
export function cutIntoStretches(events: readonly ChainEvent[]): Stretch[] {
  const stretches: Stretch[] = [];
  let run: ForwardEvent[] = [];
  const close = (): void => {
    const [first, ...rest] = run;
    if (first !== undefined) stretches.push({ type: 'forward', events: [first, ...rest] });
    run = [];
  };
  for (const event of events) {
    if (event.type === 'backward') {
      close();
      stretches.push({ type: 'backward', event });
    } else {
      run.push(event);
      if (isNearTip(event)) close();
    }
  }
  close();
  return stretches;
}

const isNearTip = ({ block, tip }: ForwardEvent): boolean =>
  tip === 'origin' || tip.height - block.height < TIP_GEAR_BLOCKS;
