import { decodeEraSummaries } from '../../chain/era-summaries.js';
import { ProtocolError, textOf } from '../../chain/fields.js';
import { askFirst } from '../../sync/endpoint-requests.js';
import type { Endpoints } from '../../sync/endpoints.js';
import type { RebuildDeps } from './rebuild-parts.js';
import { slotAtMs } from './slot-at.js';

const ASK_MS_MAX = 10_000;

/** Asks the nodes, in the order of preference, which slot a time falls into. */
export const askSlotAt =
  (endpoints: Endpoints): RebuildDeps['slotAt'] =>
  (time, signal) =>
    askFirst(endpoints, signal, async (requests) => {
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
