import { describe, expect } from 'vitest';
import { decodeNextBlock } from '../../src/chain/decode.js';
import { type OgmiosServer, serveOgmios } from '../../src/devnet/ogmios-server.js';
import { chainSource } from '../../src/devnet/source.js';
import type { PaymentsSummary } from '../../src/payments/payment.js';
import type { SyncEvent } from '../../src/sync/events.js';
import { runSync } from '../../src/sync/worker.js';
import { handlersOf, test, type World } from './world.js';

type Events = SyncEvent<PaymentsSummary>[];

/** Follows in this process, because the daemon asks the preferred endpoint every two minutes only. */
function follow(world: World, urls: readonly [string, string], events: Events) {
  const stopping = new AbortController();
  const done = runSync(
    {
      pool: world.pool,
      directUrl: world.url,
      partitionId: 0,
      totalPartitions: 1,
      network: 'custom:42',
      startPoint: 'origin',
      endpoints: { urls, keys: [], keyHeader: null, keyParam: 'apikey' },
      decode: decodeNextBlock,
      createHandlers: handlersOf,
      observe: (event) => void events.push(event),
      random: () => 0,
      preferredRetryMs: 200,
    },
    stopping.signal,
  );
  return async (): Promise<void> => {
    stopping.abort(new Error('the test is over'));
    await done;
  };
}

const connectedTo = (events: Events): string[] =>
  events.flatMap((event) => (event.type === 'connected' ? [event.endpoint] : []));

describe('the preferred endpoint', { timeout: 60_000 }, () => {
  test('is left when it goes, and taken again when it is back and has caught up', async ({
    open,
    onTestFinished,
  }) => {
    const world = await open();
    const { chain } = world.devnet;
    let behind = 5;
    let preferred: OgmiosServer = await serveOgmios(chainSource(chain, { behind: () => behind }));
    onTestFinished(() => preferred.close());
    const { port, url } = preferred;
    await preferred.close();

    const events: Events = [];
    const stop = follow(world, [url, world.devnet.url], events);
    onTestFinished(stop);
    await expect.poll(() => connectedTo(events), { timeout: 10_000 }).toEqual([world.devnet.url]);
    expect(await world.wrongAtTip()).toEqual([]);

    // Back, but behind: what we hold it doesn't know yet.
    preferred = await serveOgmios(chainSource(chain, { behind: () => behind }), { port });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(connectedTo(events)).toEqual([world.devnet.url]);

    behind = 0;
    const pulse = setInterval(preferred.chainChanged, 10);
    onTestFinished(() => clearInterval(pulse));
    await expect
      .poll(() => connectedTo(events), { timeout: 10_000 })
      .toEqual([world.devnet.url, url]);
    const left = events.find((event) => event.type === 'disconnected');
    expect(left).toMatchObject({ reason: 'the preferred endpoint is back' });
    const load = world.load(20);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    load.stop();
    expect(await world.wrongAtTip()).toEqual([]);
    await stop();
  });
});
