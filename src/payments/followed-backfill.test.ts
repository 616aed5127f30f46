import { expect, onTestFinished, test, vi } from 'vitest';
import { backfillsInTests } from '../../test/support/backfills.js';
import { devnet } from '../../test/support/devnet.js';
import { ADA, POLICY } from '../../test/support/follow.js';
import { decodeNextBlock } from '../chain/decode.js';
import { type AddressKind, makeAddress } from '../devnet/address.js';
import { createRandom } from '../devnet/random.js';
import type { Devnet } from '../devnet/server.js';
import { runSync } from '../sync/worker.js';
import { createPaymentHandlers } from './apply.js';

const { pool, url, query, register, payments } = backfillsInTests();
const KINDS: readonly AddressKind[] = ['base', 'pointer', 'enterprise', 'script', 'byron'];
const TOKEN = `${'ab'.repeat(28)}746f6b`;

/** The real worker, over a socket, from the tip on. */
function follow(net: Devnet): () => Promise<void> {
  const abort = new AbortController();
  const running = runSync(
    {
      pool: pool(),
      directUrl: url(),
      partitionId: 0,
      totalPartitions: 1,
      network: 'custom:42',
      startPoint: 'tip',
      endpoints: { urls: [net.url], keys: [], keyHeader: null, keyParam: 'apikey' },
      decode: decodeNextBlock,
      createHandlers: () =>
        createPaymentHandlers({ partitionId: 0, policy: POLICY, hotWallet: null }),
      observe: () => undefined,
      random: () => 0,
      preferredRetryMs: 60_000,
    },
    abort.signal,
  );
  const stop = async (): Promise<void> => {
    abort.abort(new Error('stopped'));
    await running;
  };
  onTestFinished(stop);
  return stop;
}

const eventually = (check: () => unknown): Promise<unknown> =>
  vi.waitFor(check, { timeout: 10_000, interval: 20 });
const untilCursorAtTip = (net: Devnet): Promise<unknown> =>
  eventually(async () => {
    const [row] = await query<{ hash: string }>('select last_block_hash as hash from sync_state');
    expect(row?.hash).toBe(net.chain.blocks().at(-1)?.id);
  });
const untilAllAreKnown = (): Promise<unknown> =>
  eventually(async () =>
    expect(await query('select 1 from payment_addresses where backfilled_height is null')).toEqual(
      [],
    ),
  );

test.each(['6', '7'] as const)(
  'every kind of address has a past, which an Ogmios of version %s tells',
  async (version) => {
    const net = await devnet({ random: false, version });
    const random = createRandom('kinds');
    const addresses = KINDS.map((kind) =>
      makeAddress(kind, 42, random.bytes(28), random.bytes(28)),
    );
    for (const [index, address] of addresses.entries()) {
      net.payNow({ address, lovelace: BigInt(10 + index) * ADA, assets: new Map([[TOKEN, 7n]]) });
    }
    const stop = follow(net);
    await untilCursorAtTip(net);
    await register(addresses, { backfill: true });
    net.mine();
    await untilCursorAtTip(net);
    await untilAllAreKnown();
    const expected = KINDS.map(() => ({
      status: 'pending',
      height: null,
      countedFrom: net.chain.blocks().at(-1)?.height,
      // The highest tier: it comes with tokens.
      required: 6,
    }));
    expect(await payments()).toMatchObject(expected);
    const held = await query<{ address: string; assets: object }>(
      'select address, assets from incoming_payments order by amount_lovelace',
    );
    expect(held).toEqual(addresses.map((address) => ({ address, assets: { [TOKEN]: '7' } })));
    await stop();
    // Another instance goes on with confirming it.
    follow(net);
    for (let i = 0; i < 5; i += 1) net.mine();
    await untilCursorAtTip(net);
    expect(await payments()).toMatchObject(KINDS.map(() => ({ status: 'confirmed' })));
  },
);
