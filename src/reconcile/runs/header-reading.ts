import type { Block } from '../../chain/block.js';
import type { PointOrOrigin } from '../../chain/point.js';
import { type ChainView, PlaceUnknown, type Reading } from '../../sync/chain-view.js';
import type { LinkedBlock } from '../../sync/events.js';
import type { Header } from '../../sync/queries.js';
import { PLACES_MAX, type Place } from '../compare/header-queries.js';
import type { HeaderGap } from '../compare/judge-headers.js';

/** Blocks read for them at most: some minutes of a real node's time. */
const BLOCKS_MAX = 200_000;

/** All blocks from a height up to the one above the gap; or why nobody can tell them. */
export type HeadersRead = { readonly headers: readonly Header[] } | { readonly reason: string };

/** Reads what lies below a header that is trusted, from whatever block anything still tells of. */
export async function readHeaders(
  { chain, signal }: { readonly chain: ChainView; readonly signal: AbortSignal },
  gap: HeaderGap,
  places: readonly Place[],
): Promise<HeadersRead> {
  const offered = placesToOffer(gap, places).map((point) => ({ point, height: null }));
  if (offered.length === 0) return { reason: NOTHING_KNOWN };
  const ended = new AbortController();
  const stop = (): void => ended.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await collect(chain.read(offered, ended.signal), gap);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PlaceUnknown) return { reason: NOTHING_KNOWN };
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    ended.abort();
  }
}

/** From the nearest below, all of the gap is read; from the lowest within it at least the rest. */
function placesToOffer({ from, below }: HeaderGap, places: readonly Place[]): PointOrOrigin[] {
  const under = places.filter(({ height }) => height < from).slice(0, PLACES_MAX);
  const near = under.filter(({ height }) => below.height - height <= BLOCKS_MAX);
  const within = places.filter(({ height }) => height >= from).slice(-PLACES_MAX);
  const pointsOf = (some: readonly Place[]) => some.map(({ point }) => point);
  const origin = below.height <= BLOCKS_MAX ? (['origin'] as const) : [];
  return [...pointsOf(near), ...origin, ...pointsOf(within.reverse())];
}

async function collect(readings: AsyncIterable<Reading>, gap: HeaderGap): Promise<HeadersRead> {
  const headers: Header[] = [];
  let place: PointOrOrigin | null = null;
  for await (const reading of readings) {
    const { tip } = reading;
    if (reading.type === 'backward') {
      if (place !== null) return { reason: FORKED };
      place = reading.point;
      // At its tip a reading waits for blocks that may never come.
      if (tip === 'origin' || tip.height < gap.below.height) return { reason: NODE_BEHIND };
      continue;
    }
    const [first] = reading.blocks;
    // The block below the first one was read from: the books may begin there.
    if (headers.length === 0 && first?.block.height === gap.from + 1)
      headers.push(...startAt(place, gap));
    for (const linked of reading.blocks) {
      if (linked.block.height >= gap.from) headers.push(headerOf(linked));
      if (linked.block.id === gap.below.hash) return { headers };
      if (linked.block.height > gap.below.height) return { reason: FORKED };
    }
  }
  return { reason: FORKED };
}

const startAt = (place: PointOrOrigin | null, { from: height }: HeaderGap): Header[] =>
  place === null || place === 'origin'
    ? []
    : [{ hash: place.id, height, slot: place.slot, ancestor: null, boundary: false }];

const headerOf = ({ block, slot }: LinkedBlock<Block>): Header => ({
  hash: block.id,
  height: block.height,
  slot,
  ancestor: block.ancestor,
  boundary: block.type === 'ebb',
});

const NOTHING_KNOWN = 'the node knows no block near below them that the books tell of';
const NODE_BEHIND = 'the node is behind the books: run it again once it has caught up';
const FORKED = 'the chain forked meanwhile: run it again';
