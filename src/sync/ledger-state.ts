import type { OutputReference } from '../chain/block.js';
import { decodePoint } from '../chain/decode.js';
import { type Fields, fieldsOf, ProtocolError } from '../chain/fields.js';
import { type Point, samePoint } from '../chain/point.js';
import { decodeUtxo, type UnspentOutput } from '../chain/utxo.js';
import type { LedgerView } from './chain-view.js';
import type { Dial } from './endpoints.js';
import { NodeError, openRequests } from './requests.js';

/** The node's answer to a point that it has no ledger of: rolled back, or too old. */
export const POINT_GONE = 2000;

export const isPointGone = (error: unknown): boolean =>
  error instanceof NodeError && error.code === POINT_GONE;

const RELEASE_MS_MAX = 1_000;

export type LedgerLimits = { readonly timeoutMs: number; readonly signal: AbortSignal };

/**
 * The ledger as it was right after one block, on a connection of its own. Rejects with a NodeError of
 * code POINT_GONE where the node doesn't have that ledger.
 */
export async function acquireLedger(
  dial: Dial,
  point: Point,
  limits: LedgerLimits,
): Promise<LedgerView> {
  const requests = await openRequests(dial, limits.signal);
  const ask = async (params: Fields): Promise<UnspentOutput[]> =>
    decodeUtxo(await requests.request('queryLedgerState/utxo', params, limits));
  try {
    const answer = await requests.request('acquireLedgerState', { point }, limits);
    const acquired = decodePoint(fieldsOf(answer, 'the acquired ledger state').point);
    if (!samePoint(acquired, point)) {
      throw new ProtocolError('another point was acquired than was asked for', acquired);
    }
  } catch (error) {
    requests.close('asked');
    throw error;
  }
  return {
    atAddresses: (addresses) => ask({ addresses }),
    among: (references) => ask({ outputReferences: references.map(wireReference) }),
    release: async () => {
      const soon = { ...limits, timeoutMs: RELEASE_MS_MAX };
      // Closing lets go of it as well.
      await requests.request('releaseLedgerState', undefined, soon).catch(() => undefined);
      requests.close('asked');
    },
  };
}

function wireReference(reference: OutputReference): Fields {
  const [id, index] = reference.split('#');
  return { transaction: { id }, index: Number(index) };
}
