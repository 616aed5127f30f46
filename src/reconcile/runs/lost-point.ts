import { SECURITY_PARAMETER_BLOCKS, samePoint } from '../../chain/point.js';
import type { ChainView } from '../../sync/chain-view.js';
import { type ComparisonPoint, NotComparable, PointLost } from './comparison-point.js';

/** The node's chain is as long without the books' last block: nothing but a rollback of the books mends it. */
export class LeftByNode extends PointLost {}

/** What to do where no node has the ledger of the books' own last block; the error itself where waiting may help. */
export async function explainLostPoint(
  { chain, signal }: { readonly chain: ChainView; readonly signal: AbortSignal },
  { point, height }: ComparisonPoint,
  error: Error,
): Promise<Error> {
  const ended = new AbortController();
  const stop = (): void => ended.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    // Every chain has the origin: what it answers with tells where the node is.
    const offered = [point, 'origin' as const].map((one) => ({ point: one, height: null }));
    for await (const reading of chain.read(offered, ended.signal)) {
      const { tip } = reading;
      const ahead = tip === 'origin' ? -height : tip.height - height;
      const isThere = reading.type === 'forward' || samePoint(reading.point, point);
      if (isThere) return ahead > SECURITY_PARAMETER_BLOCKS ? tooFarBehind(ahead) : error;
      return ahead < 0
        ? new PointLost(nodeBehind(point.id, height), { cause: error })
        : new LeftByNode(rolledBack(point.id, height), { cause: error });
    }
    return error;
  } catch (failure) {
    signal.throwIfAborted();
    return new Error('the node can not be asked', { cause: failure });
  } finally {
    signal.removeEventListener('abort', stop);
    ended.abort();
  }
}

const tooFarBehind = (behind: number): NotComparable =>
  new NotComparable(
    `the books are ${behind} blocks behind the node's tip, and a node keeps ledgers of its last ` +
      `${SECURITY_PARAMETER_BLOCKS} blocks only: let \`teller run\` catch up, then reconcile`,
    { passesByItself: true },
  );

const nodeBehind = (hash: string, height: number): string =>
  `the node has fewer blocks than the books, which end with ${hash} at height ${height}: wait until it has caught ` +
  'up, then ask again';

/** Whoever follows goes where the node went; a repair tells by its kind that this may be what keeps it from it. */
const rolledBack = (hash: string, height: number): string =>
  `the last block of the books, ${hash} at height ${height}, is no longer on the chain of the node: start ` +
  '`teller run`, which rolls it back, or wait until the one that runs has done it; then ask again';
