import { decodePoint } from '../chain/decode.js';
import { fieldsOf, ProtocolError } from '../chain/fields.js';
import { type Point, samePoint } from '../chain/point.js';
import { decodeUtxo, type UnspentOutput } from '../chain/utxo.js';
import { openRequests } from './requests.js';

/** The node's answer to a point that it has no ledger of: rolled back, or too old. */
export const POINT_GONE = 2000;

const RELEASE_MS_MAX = 1_000;

/**
 * Unspent outputs at addresses in the ledger as it was right after one block, on a connection of its
 * own. Rejects with a NodeError of code POINT_GONE where the node doesn't have that ledger.
 */
export async function unspentAt(
  dial: Parameters<typeof openRequests>[0],
  point: Point,
  addresses: readonly string[],
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<UnspentOutput[]> {
  const requests = await openRequests(dial, limits.signal);
  try {
    const answer = await requests.request('acquireLedgerState', { point }, limits);
    const acquired = decodePoint(fieldsOf(answer, 'the acquired ledger state').point);
    if (!samePoint(acquired, point)) {
      throw new ProtocolError('another point was acquired than was asked for', acquired);
    }
    const outputs = decodeUtxo(
      await requests.request('queryLedgerState/utxo', { addresses }, limits),
    );
    const soon = { ...limits, timeoutMs: RELEASE_MS_MAX };
    // Closing lets go of it as well.
    await requests.request('releaseLedgerState', undefined, soon).catch(() => undefined);
    return outputs;
  } finally {
    requests.close('asked');
  }
}
