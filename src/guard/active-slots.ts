import { fieldsOf, ProtocolError } from '../chain/fields.js';
import { askFirst } from '../sync/endpoint-requests.js';
import type { Endpoints } from '../sync/endpoints.js';
import { parseRatio } from './density.js';
import { withoutKeys } from './witness.js';

const ANSWER_MS_MAX = 10_000;

/** Asks the genesis configuration. Rejects with words that may be shown, and with nothing beneath them. */
export const askActiveSlots =
  (endpoints: Endpoints) =>
  (signal: AbortSignal): Promise<number> =>
    askFirst(endpoints, signal, async (requests) => {
      const limits = { timeoutMs: ANSWER_MS_MAX, signal };
      const era = { era: 'shelley' };
      return activeSlotsOf(await requests.request(GENESIS, era, limits));
    }).catch((error: unknown) => {
      throw new Error(withoutKeys(error, endpoints));
    });

const GENESIS = 'queryNetwork/genesisConfiguration';

export function activeSlotsOf(genesis: unknown): number {
  const { activeSlotsCoefficient } = fieldsOf(genesis, 'the Shelley genesis');
  const ratio = parseRatio(activeSlotsCoefficient);
  if (ratio !== null) return ratio;
  throw new ProtocolError('activeSlotsCoefficient must be a share of slots', {
    activeSlotsCoefficient,
  });
}
