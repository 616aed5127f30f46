import { SECURITY_PARAMETER_BLOCKS } from '../../chain/point.js';
import { type ChainView, PlaceUnknown } from '../../sync/chain-view.js';
import { type ComparisonPoint, NotComparable, PointLost } from './comparison-point.js';

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
    const cursor = { point, height: null };
    for await (const { tip } of chain.read([cursor], ended.signal)) {
      const behind = tip === 'origin' ? 0 : tip.height - height;
      return behind > SECURITY_PARAMETER_BLOCKS ? tooFarBehind(behind) : error;
    }
    return error;
  } catch (failure) {
    signal.throwIfAborted();
    return failure instanceof PlaceUnknown
      ? new PointLost(rolledBack(point.id, height), { cause: error })
      : new Error('the node can not be asked', { cause: failure });
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

/** Whoever follows goes where the node went; a repair tells by its kind that this may be what keeps it from it. */
const rolledBack = (hash: string, height: number): string =>
  `the last block of the books, ${hash} at height ${height}, is no longer on the chain of the node: start ` +
  '`teller run`, which rolls it back, or wait until the one that runs has done it; then ask again';
