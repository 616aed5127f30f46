import { once } from 'node:events';
import type { Pool } from 'pg';
import { decodeNextBlock } from '../src/chain/decode.js';
import { createPaymentHandlers } from '../src/payments/apply.js';
import type { SyncEvent } from '../src/sync/events.js';
import type { LeadingTask } from '../src/sync/leadership.js';
import { runSync } from '../src/sync/worker.js';
import { POLICY } from '../test/support/follow.js';
import { median, verdict } from './surroundings.js';

export type LiveWorker = {
  /**
   * Resolves when the books stand at the node's tip for the first time. @returns how many blocks that took, and
   * how long from taking the lead
   */
  readonly caughtUp: Promise<{ readonly blocks: number; readonly seconds: number }>;
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
  let leadingSince = 0;
  const observe = (event: SyncEvent<unknown>): void => {
    if (event.type === 'leader_acquired') leadingSince = performance.now();
    if (event.type !== 'forward') return;
    const { cursor, tip } = event;
    blocks = (cursor.height ?? -1) + 1;
    if (tip !== 'origin' && cursor.height === tip.height) observed.dispatchEvent(new Event('tip'));
  };
  const caughtUp = once(observed, 'tip').then(() => ({
    blocks,
    seconds: (performance.now() - leadingSince) / 1000,
  }));
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

/** A block comes every twenty seconds: half a second changes nothing for whoever waits for it. */
export const TIP_P95_MS_MAX = 500;

/** How late blocks at the tip are committed beside other work. */
export type Tips = {
  readonly blockMsQuiet: number;
  readonly blockMsMeanwhile: number;
  /** One in twenty blocks took longer. */
  readonly blockMsMeanwhileP95: number;
  readonly blocksMeanwhile: number;
  readonly holds: boolean;
};

/** @param quietMs of blocks while nothing else went on */
export function compareTips(quietMs: readonly number[], meanwhileMs: readonly number[]): Tips {
  const p95 = meanwhileMs.toSorted((a, b) => a - b)[Math.floor(meanwhileMs.length * 0.95)];
  return {
    blockMsQuiet: median(quietMs),
    blockMsMeanwhile: median(meanwhileMs),
    blockMsMeanwhileP95: p95 ?? 0,
    blocksMeanwhile: meanwhileMs.length,
    holds: p95 !== undefined && p95 <= TIP_P95_MS_MAX,
  };
}

export function sayTips(tips: Tips): string {
  const { blockMsQuiet, blockMsMeanwhile, blockMsMeanwhileP95, blocksMeanwhile, holds } = tips;
  return (
    `a block at the tip is committed after ${blockMsQuiet.toFixed(1)} ms, meanwhile after ` +
    `${blockMsMeanwhile.toFixed(1)} ms (× ${(blockMsMeanwhile / blockMsQuiet).toFixed(2)}), p95 ` +
    `${blockMsMeanwhileP95.toFixed(1)} ms of ${blocksMeanwhile} blocks (${TIP_P95_MS_MAX} ms: ${verdict(holds)})`
  );
}
