import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { devnet } from '../../test/support/devnet.js';
import {
  type Scripted,
  type ScriptedRequest,
  scriptedNode,
} from '../../test/support/scripted-node.js';
import { decodeNextBlock } from '../chain/decode.js';
import { type Network, parseNetwork } from '../chain/network.js';
import { ConnectionEnded, KeyRefused, Stalled } from './connection.js';
import { createEndpointRequests } from './endpoint-requests.js';
import type { Endpoints } from './endpoints.js';
import { createChainView } from './ogmios-chain-view.js';
import { openNode } from './open-node.js';

const never = new AbortController().signal;

const networkOf = (text: string): Network => {
  const network = parseNetwork(text);
  if (network === undefined) throw new Error(`${text} is no network`);
  return network;
};
const PREPROD = networkOf('preprod');
const MAINNET = networkOf('mainnet');

const opening = ({ url }: { readonly url: string }, network: Network = PREPROD): Promise<unknown> =>
  openNode({ url, headers: {}, network }, never).then(
    (socket) => {
      socket.terminate();
      return 'open';
    },
    (error: unknown) => error,
  );

type Answer = Parameters<typeof scriptedNode>[0];
const ofMagic =
  (networkMagic: unknown): Answer =>
  (_, reply) =>
    reply.result({ era: 'shelley', networkMagic });

describe('a node', () => {
  test.each([
    ['mainnet', 764824073],
    ['preprod', 1],
    ['preview', 2],
    ['custom:42', 42],
  ])('of %s is taken where NETWORK says so', async (name, magic) => {
    const node = await scriptedNode(ofMagic(magic));
    expect(await opening(node, networkOf(name))).toBe('open');
    expect(node.requests).toMatchObject([
      { method: 'queryNetwork/genesisConfiguration', params: { era: 'shelley' } },
    ]);
  });

  test.each([
    ['preview', 2, 'preprod'],
    ['mainnet', 764824073, 'preprod'],
    ['mainnet', 764824073, 'custom:42'],
    ['preprod', 1, 'mainnet'],
    ['custom:42', 42, 'mainnet'],
  ])(
    'of %s is refused where NETWORK is another one, with what to do',
    async (name, magic, ours) => {
      const node = await scriptedNode(ofMagic(magic));
      const failure = await opening(node, networkOf(ours));
      expect(failure).toBeInstanceOf(ConnectionEnded);
      expect(String(failure)).toMatch(
        `the node there is one of ${name}, and NETWORK is ${ours}: give the address of a node of ${ours}`,
      );
      await expect.poll(() => node.connections()).toBe(0);
    },
  );

  test('of a private network is taken for one of a public test network', async () => {
    expect(await opening(await scriptedNode(ofMagic(42)))).toBe('open');
  });

  test('that can not say which network it is of is taken', async () => {
    const node = await scriptedNode((_, reply) =>
      reply.error(2002, 'Query unavailable in the current era.'),
    );
    expect(await opening(node)).toBe('open');
  });

  test('of a network that is no number is refused', async () => {
    const failure = await opening(await scriptedNode(ofMagic('one')));
    expect(String(failure)).toContain('networkMagic must be a non-negative integer');
  });

  test.each([
    ['refuses the key in its answer', 'error', KeyRefused],
    ['closes with a refusal', 'close', KeyRefused],
    ['goes away', 'terminate', ConnectionEnded],
  ] as const)('that %s is told as that', async (_, how, kind) => {
    const node = await scriptedNode((__, { socket, error }) => {
      if (how === 'error') error(-32_000, 'Unauthorized');
      if (how === 'close') socket.close(4001);
      if (how === 'terminate') socket.terminate();
    });
    expect(await opening(node)).toBeInstanceOf(kind);
  });

  test('that answers nothing is given up after ten seconds', async () => {
    const { node, asked } = await silentNode();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const failure = opening(node);
    await asked;
    const settled = vi.fn();
    void failure.then(settled);
    await vi.advanceTimersByTimeAsync(9_999);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(await failure).toBeInstanceOf(Stalled);
  });

  test('that is asked is left as soon as nobody waits any more', async () => {
    const { node, asked } = await silentNode();
    const stop = new AbortController();
    const open = openNode({ url: node.url, headers: {}, network: PREPROD }, stop.signal);
    void asked.then(() => stop.abort());
    await expect(open).rejects.toThrow('stopped while connecting');
    await expect.poll(() => node.connections()).toBe(0);
  });
});

describe('a devnet, which is no node of mainnet, is refused by', () => {
  const foreign = async (): Promise<Endpoints> => {
    const { url } = await devnet();
    return { urls: [url], keys: [], keyHeader: null, keyParam: 'apikey', network: MAINNET };
  };

  test('whoever asks it something', async () => {
    const requests = createEndpointRequests(await foreign(), 0);
    const asking = requests.use(never, (open) =>
      open.request('queryNetwork/tip', undefined, { timeoutMs: 5_000, signal: never }),
    );
    await expect(asking).rejects.toThrow('one of custom:42, and NETWORK is mainnet');
  });

  test('whoever reads its chain or its ledger', async () => {
    const view = createChainView(await foreign(), decodeNextBlock);
    const reading = view.read([{ point: 'origin', height: null }], never).next();
    await expect(reading).rejects.toThrow('one of custom:42, and NETWORK is mainnet');
    const { chain } = await devnet();
    const [block] = chain.blocks();
    if (block === undefined) throw new Error('a devnet has a block');
    await expect(view.ledgerAt(block.point, never)).rejects.toThrow('NETWORK is mainnet');
  });
});

async function silentNode(): Promise<{ node: Scripted; asked: Promise<ScriptedRequest> }> {
  let ask: (request: ScriptedRequest) => void = () => undefined;
  const asked = new Promise<ScriptedRequest>((resolve) => {
    ask = resolve;
  });
  return { node: await scriptedNode((request) => ask(request)), asked };
}
