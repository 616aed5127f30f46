import { once } from 'node:events';
import type { Pool } from 'pg';
import { decodeNextBlock } from '../src/chain/decode.js';
import { createPaymentHandlers } from '../src/payments/apply.js';
import type { SyncEvent } from '../src/sync/events.js';
import type { LeadingTask } from '../src/sync/leadership.js';
import { runSync } from '../src/sync/worker.js';
import { POLICY } from '../test/support/follow.js';
import { median } from './surroundings.js';

export type LiveWorker = {
  /** Resolves when the books stand at the node's tip for the first time. @returns how many blocks that took */
  readonly caughtUp: Promise<number>;
  /** Milliseconds from asking the devnet for a block until it is committed. */
  readonly blockMs: () => Promise<number>;
  readonly stop: () => Promise<void>;
};

/** The real worker in this process, on a devnet elsewhere. */
export function startLiveWorker(
  database: { readonly pool: Pool; readonly url: string },
  devnet: { readonly url: string; readonly httpUrl: string },
  leading: readonly LeadingTask[] = [],
): LiveWorker {
  const observed = new EventTarget();
  const stop = new AbortController();
  let blocks = 0;
  const observe = (event: SyncEvent<unknown>): void => {
    if (event.type !== 'forward') return;
    const { cursor, tip } = event;
    blocks = (cursor.height ?? -1) + 1;
    if (tip !== 'origin' && cursor.height === tip.height) observed.dispatchEvent(new Event('tip'));
  };
  const caughtUp = once(observed, 'tip').then(() => blocks);
  const following = runSync(
    {
      pool: database.pool,
      directUrl: database.url,
      partitionId: 0,
      totalPartitions: 1,
      network: 'custom:42',
      startPoint: 'origin',
      endpoints: { urls: [devnet.url], keys: [], keyHeader: null, keyParam: 'apikey' },
      decode: decodeNextBlock,
      createHandlers: () =>
        createPaymentHandlers({ partitionId: 0, policy: POLICY, hotWallet: null }),
      leading,
      observe,
      random: Math.random,
      preferredRetryMs: 60_000,
    },
    stop.signal,
  );
  return {
    caughtUp,
    blockMs: async () => {
      const reached = once(observed, 'tip');
      const begun = performance.now();
      const answer = await fetch(`${devnet.httpUrl}/control/mine`, { method: 'POST' });
      if (!answer.ok) throw new Error(`the devnet mines nothing: ${await answer.text()}`);
      await reached;
      return performance.now() - begun;
    },
    stop: async () => {
      stop.abort(new Error('measured'));
      await following;
    },
  };
}

/** Of times in milliseconds: the middle one, and that which one in twenty exceeds. */
export function sayTimes(times: readonly number[]): string {
  const late = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? 0;
  return `${median(times).toFixed(1)} ms (p95 ${late.toFixed(1)} ms, ${times.length} blocks)`;
}
