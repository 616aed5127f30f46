import { describe, expect, test } from 'vitest';
import { devnet } from '../../test/support/devnet.js';
import { scriptedNode } from '../../test/support/scripted-node.js';
import { decodeNextBlock } from '../chain/decode.js';
import { type Network, parseNetwork } from '../chain/network.js';
import { ConnectionEnded, KeyRefused } from './connection.js';
import { createEndpointRequests } from './endpoint-requests.js';
import type { Dial, Endpoints } from './endpoints.js';
import { createNodeMemory } from './node-memory.js';
import { createChainView } from './ogmios-chain-view.js';
import { openNode } from './open-node.js';
import { openRequests } from './requests.js';

const never = new AbortController().signal;

const networkOf = (text: string): Network => {
  const network = parseNetwork(text);
  if (network === undefined) throw new Error(`${text} is no network`);
  return network;
};
const PREPROD = networkOf('preprod');
const MAINNET = networkOf('mainnet');
const LIMITS = { timeoutMs: 5_000, signal: never };

const dialOf = ({ url }: { readonly url: string }, network: Network = PREPROD): Dial => ({
  url,
  headers: {},
  nodes: createNodeMemory(network),
});

const opening = (node: { readonly url: string }, network: Network = PREPROD): Promise<unknown> =>
  openNode(dialOf(node, network), never).then(
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
    ['custom:43', 43, 'custom:42'],
    ['preprod', 1, 'custom:42'],
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

  test.each([
    ['has no such configuration', 2002, 'Query unavailable in the current era.'],
    ['does not know the method', -32_601, 'Method not found'],
    ['calls the method forbidden', -32_000, 'Forbidden: unauthorized method'],
  ])('that %s is taken, since it can not say which network it is of', async (_, code, words) => {
    const node = await scriptedNode((__, reply) => reply.error(code, words));
    expect(await opening(node)).toBe('open');
  });

  test('that says it without repeating what it was asked is taken too', async () => {
    const node = await scriptedNode((_, { send }) =>
      send('{"jsonrpc":"2.0","error":{"code":-32000,"message":"forbidden"},"id":null}'),
    );
    expect(await opening(node)).toBe('open');
  });

  test('is heard out where it says something else first', async () => {
    const node = await scriptedNode((_, reply) => {
      reply.send('{"welcome":"you"}');
      reply.send(JSON.stringify({ id: 'n', error: null, result: { networkMagic: 2 } }));
    });
    expect(String(await opening(node))).toContain('one of preview');
  });

  test.each([[{ networkMagic: 'one' }], [{}], [null], ['preprod'], [[]]])(
    'that answers %j says nothing of its network, and is taken',
    async (result) => {
      const node = await scriptedNode((_, reply) => reply.result(result));
      expect(await opening(node)).toBe('open');
    },
  );

  test.each([
    ['closes with a refusal', 'close', KeyRefused],
    ['goes away', 'terminate', ConnectionEnded],
  ] as const)('that %s is told as that', async (_, how, kind) => {
    const node = await scriptedNode((__, { socket }) => {
      if (how === 'close') socket.close(4001);
      if (how === 'terminate') socket.terminate();
    });
    expect(await opening(node)).toBeInstanceOf(kind);
  });

  test('that refuses the key of each request is told as that by the next one', async () => {
    const node = await scriptedNode((_, reply) => reply.error(-32_000, 'Unauthorized'));
    const requests = await openRequests(dialOf(node), never);
    const asking = requests.request('queryNetwork/tip', undefined, LIMITS);
    await expect(asking).rejects.toBeInstanceOf(KeyRefused);
  });

  test('that is asked is left as soon as nobody waits any more', async () => {
    const stop = new AbortController();
    const node = await scriptedNode(() => stop.abort());
    const open = openNode(dialOf(node), stop.signal);
    await expect(open).rejects.toThrow('stopped while connecting');
    await expect.poll(() => node.connections()).toBe(0);
  });
});

describe('a devnet, which is no node of mainnet, is refused by', () => {
  const foreign = async (): Promise<Endpoints> => {
    const { url } = await devnet();
    const nodes = createNodeMemory(MAINNET);
    return { urls: [url], keys: [], keyHeader: null, keyParam: 'apikey', nodes };
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
