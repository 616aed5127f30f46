import type { Height, Point, PointOrOrigin, Slot, TipOrOrigin } from '../chain/point.js';
import { networkFacts } from './network.js';
import type { BlockSource } from './source.js';

type RecordedBlock = {
  readonly id: string;
  readonly ancestor: string;
  /** Null for a boundary block. */
  readonly slot: number | null;
  readonly height: number;
  readonly era: string;
  /** The block's JSON, byte for byte as it was recorded. */
  readonly text: string;
};

/**
 * Real blocks behind a stand-in point, for the same session and server as a simulated chain.
 *
 * @param lines `nextBlock` answers of Ogmios, one block each, consecutive
 * @param standIn the point before the first block: its id is that block's `ancestor`, its slot before it
 */
export function recordedChain(lines: readonly string[], standIn: Point): BlockSource {
  const blocks = lines.map(readLine);
  const start = { slot: standIn.slot, id: standIn.id };
  const index = new Map<string, number>([
    ['origin', -2],
    [standIn.id, -1],
  ]);
  let previous = standIn.id;
  const points: Point[] = [];
  for (const [i, block] of blocks.entries()) {
    if (block.ancestor !== previous) {
      throw new RangeError(`recorded block ${block.id} doesn't follow ${previous}`);
    }
    index.set(block.id, i);
    // A boundary block counts where its predecessor stands.
    const slot = block.slot ?? points[i - 1]?.slot ?? standIn.slot;
    points.push({ slot: slot as Slot, id: block.id });
    previous = block.id;
  }
  const positionAt = (i: number): string | undefined => (i === -1 ? standIn.id : blocks[i]?.id);
  const last = blocks.at(-1);
  const tip: TipOrOrigin =
    last === undefined
      ? { ...start, height: 0 as Height }
      : { ...(points.at(-1) ?? start), height: last.height as Height };
  return {
    facts: networkFacts(0),
    ledgerDepth: lines.length,
    tip: () => tip,
    era: () => last?.era ?? 'conway',
    find: (point) => {
      if (point === 'origin') return 'origin';
      const i = index.get(point.id);
      if (i === -1) return point.slot === standIn.slot ? standIn.id : undefined;
      return i !== undefined && blocks[i]?.slot === point.slot ? point.id : undefined;
    },
    pointAt: (position): PointOrOrigin =>
      position === 'origin' ? 'origin' : (points[index.get(position) ?? -1] ?? start),
    // From origin a reader is led to the first recorded block, which can't follow: it is a gap.
    next: (position) =>
      positionAt((index.get(position) ?? lines.length) + 1 + (position === 'origin' ? 1 : 0)),
    commonAncestor: (position) => position,
    depthOf: (position) => blocks.length - 1 - (index.get(position) ?? -1),
    render: (position) => blocks[index.get(position) ?? -1]?.text ?? '',
  };
}

const START = '{"jsonrpc":"2.0","method":"nextBlock","result":{"direction":"forward","block":';

function readLine(line: string): RecordedBlock {
  const end = line.lastIndexOf(',"tip":');
  if (!line.startsWith(START) || end < 0) throw new SyntaxError('not a recorded nextBlock answer');
  const text = line.slice(START.length, end);
  // Only the header is read, which has no number that a float can't hold.
  const block = JSON.parse(text) as Omit<RecordedBlock, 'text'>;
  const { id, ancestor, height, era } = block;
  return { id, ancestor, height, era, slot: block.slot ?? null, text };
}
