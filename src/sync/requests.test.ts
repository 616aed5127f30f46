import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { devnet } from '../../test/support/devnet.js';
import { type Reply, scriptedNode } from '../../test/support/scripted-node.js';
import { exactInteger } from '../chain/exact-json.js';
import { ProtocolError } from '../chain/fields.js';
import { ConnectionEnded, KeyRefused, Stalled } from './connection.js';
import { NodeError, type NodeRequests, openRequests } from './requests.js';

const never = new AbortController().signal;
const SOON = { timeoutMs: 30, signal: never };
const PATIENT = { timeoutMs: 5_000, signal: never };

async function requestsTo(url: string): Promise<NodeRequests> {
  const requests = await openRequests({ url, headers: {} }, never);
  onTestFinished(() => requests.close('the test is over'));
  return requests;
}

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (error: unknown) => error,
  );

describe('requests to a node', () => {
  test('get their own answers, in whatever order these come', async () => {
    const replies = new Map<string, Reply>();
    const node = await scriptedNode(({ method }, reply) => {
      replies.set(method, reply);
      if (replies.size < 3) return;
      for (const name of ['b', 'c', 'a']) replies.get(name)?.result({ was: name });
    });
    const requests = await requestsTo(node.url);
    const answers = ['a', 'b', 'c'].map((name) => requests.request(name, { name }, PATIENT));
    expect(await Promise.all(answers)).toEqual([{ was: 'a' }, { was: 'b' }, { was: 'c' }]);
    expect(node.requests.map(({ params }) => params)).toEqual([
      { name: 'a' },
      { name: 'b' },
      { name: 'c' },
    ]);
    expect(new Set(node.requests.map(({ id }) => id)).size).toBe(3);
  });

  test('are answered exactly, also beyond 2^53', async () => {
    const node = await scriptedNode(({ id }, { send }) =>
      send(`{"jsonrpc":"2.0","result":{"lovelace":18446744073709551615},"id":"${id}"}`),
    );
    const requests = await requestsTo(node.url);
    const result = await requests.request('ask', undefined, PATIENT);
    expect(exactInteger(Reflect.get(result as object, 'lovelace'))).toBe(18446744073709551615n);
  });

  test('are refused with code, words and data, and others go on', async () => {
    const node = await scriptedNode(({ method }, reply) =>
      method === 'no' ? reply.error(3117, 'unknown inputs', { a: 1 }) : reply.result('yes'),
    );
    const requests = await requestsTo(node.url);
    const failure = await failureOf(requests.request('no', undefined, PATIENT));
    expect(failure).toBeInstanceOf(NodeError);
    expect(failure).toMatchObject({ code: 3117, message: 'unknown inputs', data: { a: 1 } });
    expect(await requests.request('other', undefined, PATIENT)).toBe('yes');
  });

  test('end in time, and an answer that comes later is nobody else’s', async () => {
    const late: Reply[] = [];
    const node = await scriptedNode(({ method }, reply) => {
      if (method === 'slow') return void late.push(reply);
      late[0]?.result('late');
      reply.result('in time');
    });
    const requests = await requestsTo(node.url);
    const failure = await failureOf(requests.request('slow', undefined, SOON));
    expect(failure).toBeInstanceOf(Stalled);
    expect(String(failure)).toContain('no answer to slow in 0.03 s');
    expect(await requests.request('quick', undefined, PATIENT)).toBe('in time');
  });

  test('all settle when the connection closes, and nothing can be asked afterwards', async () => {
    const node = await scriptedNode(({ method }, { socket }) => {
      if (method === 'last') socket.close(4000, 'maintenance');
    });
    const requests = await requestsTo(node.url);
    const asked = ['first', 'second', 'last'].map((name) =>
      failureOf(requests.request(name, undefined, PATIENT)),
    );
    for (const failure of await Promise.all(asked)) {
      expect(failure).toBeInstanceOf(ConnectionEnded);
      expect(String(failure)).toContain('closed with 4000 (maintenance)');
    }
    expect(requests.ended()).toBeInstanceOf(ConnectionEnded);
    expect(await failureOf(requests.request('more', undefined, PATIENT))).toBe(requests.ended());
  });

  test('all settle when they are stopped, one when it is', async () => {
    const node = await scriptedNode(() => undefined);
    const requests = await requestsTo(node.url);
    const abort = new AbortController();
    const one = failureOf(
      requests.request('one', undefined, { timeoutMs: 5_000, signal: abort.signal }),
    );
    const other = failureOf(requests.request('other', undefined, PATIENT));
    abort.abort();
    expect(String(await one)).toContain('stopped while asking one');
    expect(requests.ended()).toBeNull();
    requests.close('enough');
    expect(String(await other)).toContain('enough');
    await vi.waitFor(() => expect(node.connections()).toBe(0));
  });

  test.each([
    ['is not JSON', '{"jsonrpc":'],
    ['is no object', '[]'],
    ['is an error for nobody', '{"jsonrpc":"2.0","error":{"code":-32600,"message":"?"},"id":null}'],
  ])('all settle when an answer %s', async (_, text) => {
    const node = await scriptedNode((__, { send }) => send(text));
    const requests = await requestsTo(node.url);
    expect(await failureOf(requests.request('ask', undefined, PATIENT))).toBeInstanceOf(
      ProtocolError,
    );
    expect(requests.ended()).toBeInstanceOf(ProtocolError);
  });

  test('tell a refused key from votes that are unauthorized', async () => {
    const words = 'The transaction contains votes from unauthorized voters.';
    const node = await scriptedNode(({ method }, reply) =>
      method === 'submitTransaction' ? reply.error(3137, words) : reply.error(-32000, 'Forbidden'),
    );
    const requests = await requestsTo(node.url);
    const votes = await failureOf(requests.request('submitTransaction', undefined, PATIENT));
    expect(votes).toMatchObject({ name: 'NodeError', code: 3137 });
    const key = await failureOf(requests.request('queryNetwork/tip', undefined, PATIENT));
    expect(key).toBeInstanceOf(KeyRefused);
  });

  test('work with the devnet beside its chain synchronization', async () => {
    const net = await devnet();
    const requests = await requestsTo(net.url);
    const tip = net.chain.blocks().at(-1);
    const [point, height] = await Promise.all([
      requests.request('queryNetwork/tip', undefined, PATIENT),
      requests.request('queryNetwork/blockHeight', undefined, PATIENT),
    ]);
    expect({ point, height }).toEqual({ point: tip?.point, height: tip?.height });
    const unknown = await failureOf(requests.request('queryNetwork/nonsense', undefined, PATIENT));
    expect(unknown).toMatchObject({ code: -32600 });
  });
});
