import { EventEmitter, on, once } from 'node:events';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { devnet } from '../../test/support/devnet.js';
import { type Reply, type Scripted, scriptedNode } from '../../test/support/scripted-node.js';
import { decodeNextBlock } from '../chain/decode.js';
import { type Network, parseNetwork } from '../chain/network.js';
import { ConnectionEnded, KeyRefused } from './connection.js';
import { createEndpointRequests } from './endpoint-requests.js';
import type { Dial, Endpoints } from './endpoints.js';
import { createChainView } from './ogmios-chain-view.js';
import { openNode } from './open-node.js';
import { openRequests } from './requests.js';
import { createSession } from './session.js';

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
  network,
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
    const { node, asked } = await silentNode();
    const stop = new AbortController();
    const open = openNode(dialOf(node), stop.signal);
    void asked().then(() => stop.abort());
    await expect(open).rejects.toThrow('stopped while connecting');
    await expect.poll(() => node.connections()).toBe(0);
  });
});

describe('a node that does not answer which network it is of', () => {
  test('is taken after three seconds, and for a minute at once', async () => {
    const { node, asked } = await silentNode();
    const clock = stopTheClock();
    const open = opening(node);
    await asked();
    const settled = vi.fn();
    void open.then(settled);
    await clock.pass(2_999);
    expect(settled).not.toHaveBeenCalled();
    await clock.pass(1);
    expect(await open).toBe('open');
    await clock.pass(59_999);
    expect(await opening(node)).toBe('open');
    expect(node.requests).toHaveLength(1);
    await clock.pass(1);
    const later = opening(node);
    await asked();
    await clock.pass(3_000);
    expect(await later).toBe('open');
    expect(node.requests).toHaveLength(2);
  });

  test('and then names another one is left, and refused until it names ours', async () => {
    const { node, asked } = await silentNode();
    const clock = stopTheClock();
    const opened = openNode(dialOf(node), never);
    const first = await asked();
    await clock.pass(3_000);
    const socket = await opened;
    const closed = once(socket, 'close');
    socket.resume();
    first.result({ networkMagic: 2 });
    await closed;

    const silent = opening(node);
    await asked();
    await clock.pass(10_000);
    expect(String(await silent)).toContain('of another network than NETWORK, which is preprod');
    const unsure = opening(node);
    (await asked()).error(2002, 'Query unavailable in the current era.');
    expect(String(await unsure)).toContain('of another network than NETWORK, which is preprod');
    const ours = opening(node);
    (await asked()).result({ networkMagic: 1 });
    expect(await ours).toBe('open');
  });

  test('and names another one on a second connection is asked on the third', async () => {
    const { node, asked } = await silentNode();
    const clock = stopTheClock();
    const silent = opening(node);
    await asked();
    await clock.pass(1_000);
    const told = opening(node);
    const question = await asked();
    await clock.pass(2_000);
    expect(await silent).toBe('open');
    question.result({ networkMagic: 2 });
    expect(String(await told)).toContain('one of preview');
    const third = opening(node);
    (await asked()).result({ networkMagic: 2 });
    expect(String(await third)).toContain('one of preview');
  });

  test.each([
    ['names ours', (late: Reply) => late.result({ networkMagic: 1 })],
    ['calls the question forbidden', (late: Reply) => late.error(-32_000, 'Forbidden')],
  ])('and then %s disturbs nobody who asks it something else', async (_, answerLate) => {
    const { node, asked } = await silentNode();
    const clock = stopTheClock();
    const open = async (): Promise<Reply> => {
      const late = await asked();
      await clock.pass(3_000);
      return late;
    };
    const [requests, first] = await Promise.all([openRequests(dialOf(node), never), open()]);
    const tip = requests.request('queryNetwork/tip', undefined, LIMITS);
    const tipAsked = await asked();
    answerLate(first);
    tipAsked.result('origin');
    expect(await tip).toBe('origin');
    requests.close('the test is over');

    // It answers after all, so it is asked again.
    const [socket, second] = await Promise.all([openNode(dialOf(node), never), open()]);
    const session = createSession(socket, {
      answersTipQuery: { get: () => false, set: () => undefined },
    });
    const intersection = session.findIntersection(['origin']);
    const intersectionAsked = await asked();
    answerLate(second);
    intersectionAsked.result({ intersection: 'origin', tip: 'origin' });
    expect(await intersection).toEqual({ point: 'origin', tip: 'origin' });
    session.close('the test is over');
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

/** A node that answers when the test does: `asked` waits for the next question. */
async function silentNode(): Promise<{ node: Scripted; asked: () => Promise<Reply> }> {
  const questions = new EventEmitter();
  const node = await scriptedNode((_, reply) => void questions.emit('asked', reply));
  const replies = on(questions, 'asked') as AsyncIterator<[Reply], undefined>;
  const asked = async (): Promise<Reply> => {
    const { value } = await replies.next();
    if (value === undefined) throw new Error('nothing will be asked any more');
    return value[0];
  };
  return { node, asked };
}

/** Sockets keep their own clock. `expect.poll` and `vi.waitFor` would let time pass. */
function stopTheClock(): { pass(ms: number): Promise<void> } {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  return {
    pass: async (ms) => {
      await vi.advanceTimersByTimeAsync(ms);
    },
  };
}
