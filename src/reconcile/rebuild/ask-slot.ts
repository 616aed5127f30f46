import { decodeEraSummaries } from '../../chain/era-summaries.js';
import { ProtocolError, textOf } from '../../chain/fields.js';
import type { Slot } from '../../chain/point.js';
import { createEndpointRequests } from '../../sync/endpoint-requests.js';
import type { Endpoints } from '../../sync/endpoints.js';
import type { RebuildDeps } from './rebuild-parts.js';
import { slotAtMs } from './slot-at.js';

const ASK_MS_MAX = 10_000;

/** Asks the nodes, in the order of preference, which slot a time falls into. */
export const askSlotAt =
  (endpoints: Endpoints): RebuildDeps['slotAt'] =>
  async (time, signal) => {
    const failures: unknown[] = [];
    for (const endpoint of endpoints.urls.keys()) {
      try {
        return await askEndpoint(endpoints, endpoint, time, signal);
      } catch (error) {
        failures.push(error);
      }
    }
    // What the preferred one says matters most; of the others only that they didn't do better.
    throw failures[0];
  };

async function askEndpoint(
  endpoints: Endpoints,
  endpoint: number,
  time: Date,
  signal: AbortSignal,
): Promise<Slot> {
  const node = createEndpointRequests(endpoints, endpoint);
  try {
    return await node.use(signal, async (requests) => {
      const limits = { timeoutMs: ASK_MS_MAX, signal };
      const [startTime, summaries] = await Promise.all([
        requests.request('queryNetwork/startTime', undefined, limits),
        requests.request('queryLedgerState/eraSummaries', undefined, limits),
      ]);
      const startMs = Date.parse(textOf(startTime, "the network's start"));
      if (Number.isNaN(startMs)) {
        throw new ProtocolError("the network's start must be a time", startTime);
      }
      return slotAtMs(decodeEraSummaries(summaries), time.getTime() - startMs);
    });
  } finally {
    node.close();
  }
}
