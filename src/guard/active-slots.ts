import { fieldsOf, ProtocolError } from '../chain/fields.js';
import { createEndpointRequests } from '../sync/endpoint-requests.js';
import type { Endpoints } from '../sync/endpoints.js';
import { parseRatio } from './density.js';

const ANSWER_MS_MAX = 10_000;

/** Asks the genesis configuration, of the first endpoint that answers. */
export const askActiveSlots =
  (endpoints: Endpoints) =>
  async (signal: AbortSignal): Promise<number> => {
    const failures: unknown[] = [];
    for (const [endpoint] of endpoints.urls.entries()) {
      const requests = createEndpointRequests(endpoints, endpoint);
      try {
        const limits = { timeoutMs: ANSWER_MS_MAX, signal };
        const genesis = await requests.use(signal, (open) =>
          open.request('queryNetwork/genesisConfiguration', { era: 'shelley' }, limits),
        );
        return activeSlotsOf(genesis);
      } catch (error) {
        failures.push(error);
      } finally {
        requests.close();
      }
    }
    throw failures[0];
  };

export function activeSlotsOf(genesis: unknown): number {
  const { activeSlotsCoefficient } = fieldsOf(genesis, 'the Shelley genesis');
  const ratio = parseRatio(activeSlotsCoefficient);
  if (ratio !== null) return ratio;
  throw new ProtocolError('activeSlotsCoefficient must be a share of slots', {
    activeSlotsCoefficient,
  });
}
