import { decodeNextBlock } from '../../src/chain/decode.js';
import type { Devnet } from '../../src/devnet/server.js';
import { createPaymentHandlers } from '../../src/payments/apply.js';
import type { DepositPolicy } from '../../src/payments/confirmation.js';
import type { PaymentsSummary } from '../../src/payments/payment.js';
import type { Endpoints } from '../../src/sync/endpoints.js';
import type { SyncEvent } from '../../src/sync/events.js';
import type { LeadingTask } from '../../src/sync/leadership.js';
import { createChainView } from '../../src/sync/ogmios-chain-view.js';
import { runSync } from '../../src/sync/worker.js';
import { POLICY } from './follow.js';
import type { TestDatabase } from './test-databases.js';

export const NETWORK = 'custom:42';

export const endpointsTo = (net: Devnet): Endpoints => ({
  urls: [net.url],
  keys: [],
  keyHeader: null,
  keyParam: 'apikey',
});

export const viewOf = (net: Devnet) => createChainView(endpointsTo(net), decodeNextBlock);

export type WorkerWishes = {
  /** Instead of the devnet alone. */
  readonly endpoints?: Endpoints;
  readonly startPoint?: Parameters<typeof runSync>[0]['startPoint'];
  readonly hotWallet?: string | null;
  readonly policy?: DepositPolicy;
  readonly leading?: readonly LeadingTask[];
  readonly observe?: (event: SyncEvent<PaymentsSummary>) => void;
};

/** The real worker, from the origin on where nothing else is wished, until it is stopped. */
export function openWorker(database: TestDatabase, net: Devnet, wishes: WorkerWishes = {}) {
  const {
    startPoint = 'origin',
    hotWallet = null,
    policy = POLICY,
    leading = [],
    endpoints = endpointsTo(net),
    observe,
  } = wishes;
  const abort = new AbortController();
  const running = runSync(
    {
      pool: database.pool,
      directUrl: database.url,
      partitionId: 0,
      totalPartitions: 1,
      network: NETWORK,
      startPoint,
      endpoints,
      decode: decodeNextBlock,
      createHandlers: () => createPaymentHandlers({ partitionId: 0, policy, hotWallet }),
      leading,
      observe: (event) => observe?.(event),
      random: () => 0,
      preferredRetryMs: 60_000,
    },
    abort.signal,
  );
  const stop = async (): Promise<void> => {
    abort.abort(new Error('stopped'));
    await running;
  };
  return { stop };
}
