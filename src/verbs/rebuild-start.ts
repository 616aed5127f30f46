import { decodeNextBlock } from '../chain/decode.js';
import { type Point, showPoint } from '../chain/point.js';
import { nodeKnows } from '../reconcile/rebuild/find-start.js';
import { placeOf } from '../reconcile/rebuild/place-queries.js';
import { parseRebuildFrom } from '../reconcile/rebuild/rebuild-from.js';
import type { ChainSettings } from '../run/chain.js';
import { endpointsOf } from '../run/endpoints.js';
import type { ChainView } from '../sync/chain-view.js';
import { createChainView } from '../sync/ogmios-chain-view.js';
import { withDatabase } from './database.js';
import { type Terminal, UsageError } from './terminal.js';

/** Who leads looks once more, and for longer. */
const ASK_MS_MAX = 10_000;

/**
 * A block that is on no chain we know of is refused before a job is made of it.
 *
 * @param signal ends the asking
 * @throws UsageError
 */
export async function refuseUnknownStart(
  terminal: Terminal,
  settings: ChainSettings,
  given: string,
  signal: AbortSignal,
): Promise<void> {
  const from = parseRebuildFrom(given);
  if (from?.type !== 'point') return;
  const { id, slot } = from.point;
  const kept = await withDatabase(terminal, [], ({ pool }) =>
    placeOf(pool, settings.partitionId, id),
  );
  if (kept !== null && kept.point !== 'origin') {
    if (kept.point.slot === slot) return;
    throw new UsageError(
      `--from: given ${given}, but that block is of slot ${kept.point.slot}: ${showPoint(kept.point)}`,
    );
  }
  const chain = createChainView(endpointsOf(settings), decodeNextBlock);
  if (await isUnknown(chain, from.point, signal)) {
    throw new UsageError(
      `--from: given ${given}, which is no block of the chain that the node follows: ` +
        'look the block up once more, or give days ago like `7d`',
    );
  }
}

/** Where no node answers, nothing is known of it, and the job finds out. */
async function isUnknown(chain: ChainView, point: Point, signal: AbortSignal): Promise<boolean> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(ASK_MS_MAX)]);
  try {
    const known = await nodeKnows(chain, { point, height: null }, either);
    return !known && !either.aborted;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
