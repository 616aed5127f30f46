import type { Pool } from 'pg';
import { decodeNextBlock } from '../chain/decode.js';
import { actorOf } from '../payouts/model/identity.js';
import type { ProofEvent } from '../reconcile/model/proof-events.js';
import { NotComparable } from '../reconcile/runs/comparison-point.js';
import { reconcile } from '../reconcile/runs/reconcile.js';
import type { ChainSettings } from '../run/chain.js';
import { endpointsOf } from '../run/endpoints.js';
import type { ChainView } from '../sync/chain-view.js';
import { createChainView } from '../sync/ogmios-chain-view.js';
import { NodeError } from '../sync/requests.js';
import { operator } from './caller.js';
import type { VerbContext } from './flags.js';
import { StillAtWork, sayWhatWasInterrupted, untilNobodyIsAtWork } from './reconcile-resuming.js';
import { startTelling } from './reconcile-telling.js';

/** No node answers: nothing of ours is wrong, and nothing of ours helps. */
class NodeAway extends Error {
  override readonly name = 'NodeAway';
}

type Asked = { readonly addresses: readonly string[] | null; readonly resume: boolean };

/** In this very process: it only reads. @returns the run; null where it failed, which was said */
export async function compareNow(
  { terminal }: VerbContext,
  pool: Pool,
  settings: ChainSettings,
  { addresses, resume }: Asked,
): Promise<string | null> {
  const { partitionId, hotWalletAddress: hotWallet } = settings;
  const telling = startTelling(terminal, Date.now);
  const stop = new AbortController();
  const interrupt = (): void => stop.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt);
  const deps = {
    pool,
    partitionId,
    hotWallet,
    chain: tellingWhoIsAway(createChainView(endpointsOf(settings), decodeNextBlock)),
    observe: (event: ProofEvent): void => {
      if (event.type !== 'reconciliation_resumed') return;
      const since = event.startedAt.toISOString();
      terminal.err(`going on with run ${event.runId}, begun at ${since}\n`);
    },
    onProgress: telling.report,
    now: () => new Date(),
    signal: stop.signal,
  };
  const scope = addresses === null ? ('full' as const) : { addresses };
  try {
    if (resume) await untilNobodyIsAtWork(pool, partitionId, terminal, stop.signal);
    else await sayWhatWasInterrupted(pool, partitionId, terminal);
    const asked = { scope, requestedBy: actorOf(operator()), resume };
    return (await reconcile(deps, asked)).runId;
  } catch (error) {
    const why = reasonOf(error, stop.signal);
    if (why === null) throw error;
    telling.stop();
    terminal.err(`teller: ${why}\n`);
    return null;
  } finally {
    process.off('SIGINT', interrupt);
    telling.stop();
  }
}

function reasonOf(error: unknown, signal: AbortSignal): string | null {
  if (signal.aborted) {
    return 'interrupted; what was found so far says nothing yet: `teller reconcile --resume` goes on';
  }
  if (error instanceof NotComparable || error instanceof NodeAway || error instanceof StillAtWork) {
    return error.message;
  }
  return error instanceof NodeError ? `the node refuses: ${error.message}` : null;
}

const tellingWhoIsAway = (view: ChainView): ChainView => ({
  ...view,
  ledgerAt: (point, signal) =>
    view.ledgerAt(point, signal).catch((error: unknown) => {
      if (error instanceof NodeError || signal.aborted) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new NodeAway(`OGMIOS_URL: no node can be asked for its ledger: ${why}`);
    }),
});
