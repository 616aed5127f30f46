import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Reply, type Scripted, scriptedNode } from '../../../test/support/scripted-node.js';
import type { Endpoints } from '../../sync/endpoints.js';
import { createOgmiosNode } from './ogmios-node.js';

const never = new AbortController().signal;
const TX = 'a'.repeat(64);
const BYTES = Uint8Array.from([0x84, 0xa0, 0xff]);

function nodeAt(urls: Endpoints['urls']) {
  const endpoints = { urls, keys: [], keyHeader: null, keyParam: 'apikey' };
  const node = createOgmiosNode(endpoints, { now: Date.now, submitMsMax: 5_000 });
  onTestFinished(() => node.close());
  return node;
}

/** An endpoint that answers every submission like this. */
const taker = (answer: (reply: Reply) => void): Promise<Scripted> =>
  scriptedNode((_, reply) => answer(reply));
const accepts = (reply: Reply): void => reply.result({ transaction: { id: TX } });
const says =
  (code: number) =>
  (reply: Reply): void =>
    reply.error(code, 'no');

describe('a submission', () => {
  test('sends nothing where it may not any more once a connection is there, nor to the next', async () => {
    const [first, second] = [await taker(accepts), await taker(accepts)];
    const node = nodeAt([first.url, second.url]);
    let openConnections = 0;
    const mayGoOn = () => {
      openConnections = Math.max(openConnections, first.connections());
      return Promise.resolve(false);
    };
    expect(await node.submit(BYTES, TX, never, mayGoOn)).toMatchObject({ type: 'passing' });
    expect(openConnections).toBe(1);
    expect([...first.requests, ...second.requests]).toEqual([]);
  });

  test.each([
    [
      'is told no',
      () => Promise.resolve(false),
      'not sent: payouts were paused, or the chain was held',
    ],
    [
      'can not ask',
      () => Promise.reject(new Error('the database is away')),
      "not sent: whether payouts may go on couldn't be asked (the database is away)",
    ],
  ])(
    'that %s blames no endpoint, leaves its connection open and goes to no other',
    async (_, answer, reason) => {
      const sockets = new Set<unknown>();
      const first = await taker((reply) => {
        sockets.add(reply.socket);
        accepts(reply);
      });
      const second = await taker(accepts);
      const node = nodeAt([first.url, second.url]);
      expect(await node.submit(BYTES, TX, never)).toEqual({ type: 'accepted' });
      const mayGoOn = vi.fn(answer);
      expect(await node.submit(BYTES, TX, never, mayGoOn)).toEqual({ type: 'passing', reason });
      expect(mayGoOn).toHaveBeenCalledTimes(1);
      expect(first.requests).toHaveLength(1);
      expect(second.requests).toEqual([]);
      expect(await node.submit(BYTES, TX, never)).toEqual({ type: 'accepted' });
      expect(sockets.size).toBe(1);
    },
  );

  test('asks whether it may go on once for each endpoint, right before the bytes are sent', async () => {
    const [first, second] = [await taker(says(3118)), await taker(accepts)];
    const sent: number[] = [];
    const mayGoOn = () => {
      sent.push(first.requests.length + second.requests.length);
      return Promise.resolve(true);
    };
    const node = nodeAt([first.url, second.url]);
    expect(await node.submit(BYTES, TX, never, mayGoOn)).toEqual({ type: 'accepted' });
    expect(sent).toEqual([0, 1]);
  });

  test('that may not go on after the first endpoint leaves what that one said, and sends no more', async () => {
    const [first, second] = [await taker(says(-32603)), await taker(accepts)];
    const node = nodeAt([first.url, second.url]);
    const mayGoOn = () => Promise.resolve(first.requests.length === 0);
    expect((await node.submit(BYTES, TX, never, mayGoOn)).type).toBe('unknown');
    expect(second.requests).toEqual([]);
  });
});
