import { decodeNextBlock } from '../chain/decode.js';
import { NoSuchPlace, placeGiven } from '../reconcile/rebuild/place-given.js';
import { parseRebuildFrom } from '../reconcile/rebuild/rebuild-from.js';
import type { ChainSettings } from '../run/chain.js';
import { endpointsOf } from '../run/endpoints.js';
import { createChainView } from '../sync/ogmios-chain-view.js';
import { withDatabase } from './database.js';
import { type Terminal, UsageError } from './terminal.js';

/** Who leads looks once more, and for longer. */
const ASK_MS_MAX = 10_000;

/**
 * A block that is on no chain we know of is refused before a job is made of it. Where no node answers, nothing
 * is known of it, and the job finds out.
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
  const chain = createChainView(endpointsOf(settings), decodeNextBlock);
  const either = AbortSignal.any([signal, AbortSignal.timeout(ASK_MS_MAX)]);
  await withDatabase(terminal, [], async ({ pool }) => {
    try {
      await placeGiven(pool, chain, settings.partitionId, from.point, either);
    } catch (error) {
      if (error instanceof NoSuchPlace) throw new UsageError(error.message);
      signal.throwIfAborted();
    }
  });
}
