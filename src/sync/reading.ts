import type { DecodeNextBlock } from '../chain/decode.js';
import { samePoint } from '../chain/point.js';
import { PlaceUnknown, type Reading } from './chain-view.js';
import type { Cursor } from './events.js';
import { BrokenSequence } from './follower.js';
import { linkBlocks } from './linking.js';
import type { ChainSyncSession } from './session.js';
import { cutIntoStretches } from './verdict.js';

/** What is taken at once: bounded in blocks and bytes, and by that in time. */
const TAKE = { frames: 500, bytes: 8 * 1024 * 1024 } as const;

export type ReadingOptions = {
  readonly decode: DecodeNextBlock;
  readonly offered: readonly Cursor[];
  readonly signal: AbortSignal;
};

/** Reads a chain in a session of its own, that nobody's cursor depends on. @throws PlaceUnknown */
export async function* readChain(
  open: () => Promise<ChainSyncSession>,
  { decode, offered, signal }: ReadingOptions,
): AsyncGenerator<Reading, never, void> {
  const session = await open();
  const stop = (): void => session.close('stopped');
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    const answer = await session.findIntersection(offered.map(({ point }) => point));
    const found = offered.find(
      ({ point }) => answer.point !== null && samePoint(point, answer.point),
    );
    if (found === undefined)
      throw new PlaceUnknown('the node knows none of the places to read from');
    let at = found;
    yield { type: 'backward', point: at.point, tip: answer.tip };
    session.begin();
    for (;;) {
      for (const stretch of cutIntoStretches((await session.take(TAKE)).map(decode))) {
        if (stretch.type === 'backward') {
          const { point, tip } = stretch.event;
          // The first answer after an intersection is always this; it is no fork.
          if (samePoint(point, at.point)) continue;
          yield { type: 'backward', point, tip };
          at = { point, height: null };
          continue;
        }
        const { blocks, problem } = linkBlocks(at, stretch.events);
        const last = blocks.at(-1);
        if (last !== undefined) {
          at = { point: last.point, height: last.block.height };
          yield { type: 'forward', blocks, tip: stretch.events.at(-1)?.tip ?? answer.tip };
        }
        if (problem !== null) throw new BrokenSequence(problem);
      }
    }
  } finally {
    signal.removeEventListener('abort', stop);
    session.close('read enough');
  }
}
