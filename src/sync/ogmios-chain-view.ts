import type { DecodeNextBlock } from '../chain/decode.js';
import type { Point } from '../chain/point.js';
import type { ChainView, LedgerView } from './chain-view.js';
import { KeyRefused } from './connection.js';
import { firstToAnswer } from './endpoint-requests.js';
import { afterRefusal, type Choice, dialOf, type Endpoints, FIRST_CHOICE } from './endpoints.js';
import { acquireLedger } from './ledger-state.js';
import { openNode } from './open-node.js';
import { readChain } from './reading.js';
import { type ChainSyncSession, createSession } from './session.js';

/** By address a node of mainnet walks its whole ledger: seconds, at times a minute and a half. */
const QUESTION_MS_MAX = 180_000;

/** The chain over as many endpoints as there are, in the order of preference. */
export function createChainView(endpoints: Endpoints, decode: DecodeNextBlock): ChainView {
  const open = <T>(work: (choice: Choice) => Promise<T>): Promise<T> =>
    firstToAnswer(endpoints, (endpoint) => withAnyKey(endpoints, endpoint, work));
  return {
    ledgerAt: (point: Point, signal: AbortSignal): Promise<LedgerView> =>
      open((choice) =>
        acquireLedger(dialOf(endpoints, choice), point, { timeoutMs: QUESTION_MS_MAX, signal }),
      ),
    read: (offered, signal) =>
      readChain(() => open((choice) => openSession(endpoints, choice, signal)), {
        decode,
        offered,
        signal,
      }),
  };
}

async function openSession(
  endpoints: Endpoints,
  choice: Choice,
  signal: AbortSignal,
): Promise<ChainSyncSession> {
  let answers = false;
  const set = (): void => {
    answers = true;
  };
  const socket = await openNode(dialOf(endpoints, choice), signal);
  return createSession(socket, { answersTipQuery: { get: () => answers, set } });
}

async function withAnyKey<T>(
  endpoints: Endpoints,
  endpoint: number,
  work: (choice: Choice) => Promise<T>,
): Promise<T> {
  let choice: Choice = { ...FIRST_CHOICE, endpoint };
  for (;;) {
    try {
      return await work(choice);
    } catch (error) {
      if (!(error instanceof KeyRefused)) throw error;
      choice = afterRefusal(choice, endpoints);
      if (choice.refusals === 0) throw error;
    }
  }
}
