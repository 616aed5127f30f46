import type { ChainView, LedgerView } from '../sync/chain-view.js';
import { NodeError } from '../sync/requests.js';

/** No node answers: nothing of ours is wrong, and nothing of ours helps. */
export class NodeAway extends Error {
  override readonly name = 'NodeAway';
}

/** What somebody at a terminal is told of a node that is asked for its ledger. */
export type NodeTelling = {
  /** It hasn't answered a question for so long. */
  readonly waiting: (seconds: number) => void;
  /** It is asked once more, because it gave no answer. */
  readonly askedAgain: (reason: string) => void;
};

/** What is answered before that is nobody's business. */
const QUIET_MS = 5_000;
const LOOK_EVERY_MS = 1_000;

/** The same chain, whose node is told of while it keeps one waiting: a question may take minutes. */
export function tellingOfNode(view: ChainView, telling: NodeTelling, now: () => number): ChainView {
  let unanswered: string | null = null;
  const told = async <T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    if (unanswered !== null) telling.askedAgain(unanswered);
    unanswered = null;
    const begun = now();
    const timer = setInterval(() => {
      const waitedMs = now() - begun;
      if (waitedMs >= QUIET_MS) telling.waiting(waitedMs / 1_000);
    }, LOOK_EVERY_MS);
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof NodeError || signal.aborted)) unanswered = reasonOf(error);
      throw error;
    } finally {
      clearInterval(timer);
    }
  };
  return {
    ...view,
    ledgerAt: async (point, signal): Promise<LedgerView> => {
      const ledger = await told(() => view.ledgerAt(point, signal), signal).catch(
        (error: unknown) => {
          if (error instanceof NodeError || signal.aborted) throw error;
          const why = reasonOf(error);
          throw new NodeAway(`OGMIOS_URL: no node can be asked for its ledger: ${why}`);
        },
      );
      return {
        atAddresses: (addresses) => told(() => ledger.atAddresses(addresses), signal),
        among: (references) => told(() => ledger.among(references), signal),
        release: () => ledger.release(),
      };
    },
  };
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
