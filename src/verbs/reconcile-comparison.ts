import type { Pool } from 'pg';
import { decodeNextBlock } from '../chain/decode.js';
import { actorOf } from '../payouts/model/identity.js';
import type { ProofEvent } from '../reconcile/model/proof-events.js';
import { NotComparable, PointLost } from '../reconcile/runs/comparison-point.js';
import { reconcile } from '../reconcile/runs/reconcile.js';
import type { ChainSettings } from '../run/chain.js';
import { endpointsOf } from '../run/endpoints.js';
import { createChainView } from '../sync/ogmios-chain-view.js';
import { NodeError } from '../sync/requests.js';
import { NodeAway, tellingOfNode } from './asked-node.js';
import { operator } from './caller.js';
import type { VerbContext } from './flags.js';
import { Interrupted, untilInterrupted } from './interruption.js';
import { sayWhatWasInterrupted, untilNobodyIsAtWork } from './reconcile-resuming.js';
import { startTelling } from './reconcile-telling.js';

type Asked = { readonly addresses: readonly string[] | null; readonly resume: boolean };

/**
 * In this very process: it only reads. @returns the run
 *
 * @throws NotComparable, StillAtWork, NodeAway, Interrupted
 */
export async function compareNow(
  { terminal }: VerbContext,
  pool: Pool,
  settings: ChainSettings,
  { addresses, resume }: Asked,
): Promise<string> {
  const { partitionId, hotWalletAddress: hotWallet } = settings;
  const telling = startTelling(terminal, Date.now);
  const view = createChainView(endpointsOf(settings), decodeNextBlock);
  const compare = async (signal: AbortSignal): Promise<string> => {
    if (resume) await untilNobodyIsAtWork(pool, partitionId, terminal, signal);
    else if (addresses === null) await sayWhatWasInterrupted(pool, partitionId, terminal);
    const deps = {
      pool,
      partitionId,
      hotWallet,
      chain: tellingOfNode(view, telling, Date.now),
      observe: (event: ProofEvent): void => {
        if (event.type !== 'reconciliation_resumed') return;
        const since = event.startedAt.toISOString();
        terminal.err(`going on with run ${event.runId}, begun at ${since}\n`);
      },
      onProgress: telling.report,
      now: () => new Date(),
      signal,
    };
    const scope = addresses === null ? ('full' as const) : { addresses };
    return (await reconcile(deps, { scope, requestedBy: actorOf(operator()), resume })).runId;
  };
  const goOn =
    addresses === null
      ? ': `teller reconcile --resume` goes on with it within the hour, `teller reconcile` begins a new one'
      : '';
  return await untilInterrupted((signal) =>
    compare(signal).catch((error: unknown) => {
      if (!signal.aborted) throw told(error);
      throw new Interrupted(`interrupted; what was found so far says nothing yet${goOn}`);
    }),
  ).finally(telling.stop);
}

function told(error: unknown): unknown {
  if (error instanceof NodeError) return new NodeAway(`the node refuses: ${error.message}`);
  // Whatever was tried is over: what is left of it is what to do.
  return error instanceof PointLost ? new NotComparable(error.message) : error;
}
