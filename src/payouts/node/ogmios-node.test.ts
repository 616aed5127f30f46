import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { devnet } from '../../../test/support/devnet.js';
import {
  type Reply,
  type Scripted,
  type ScriptedRequest,
  scriptedNode,
} from '../../../test/support/scripted-node.js';
import { USUAL_PARAMETERS } from '../../chain/protocol-parameters.js';
import type { Endpoints } from '../../sync/endpoints.js';
import type { SubmitOutcome } from './node.js';
import { createOgmiosNode, type OgmiosNodeDeps } from './ogmios-node.js';

const never = new AbortController().signal;
const TX = 'a'.repeat(64);
const BYTES = Uint8Array.from([0x84, 0xa0, 0xff]);
const NOBODY = 'ws://127.0.0.1:1';

function nodeAt(
  urls: Endpoints['urls'],
  deps: Partial<OgmiosNodeDeps> = {},
  keys: readonly string[] = [],
) {
  const endpoints = { urls, keys, keyHeader: null, keyParam: 'apikey' };
  const node = createOgmiosNode(endpoints, { now: Date.now, submitMsMax: 5_000, ...deps });
  onTestFinished(() => node.close());
  return node;
}

const submitTo = (
  urls: Endpoints['urls'],
  deps: Partial<OgmiosNodeDeps> = {},
  keys: readonly string[] = [],
): Promise<SubmitOutcome> => nodeAt(urls, deps, keys).submit(BYTES, TX, never);

/** An endpoint that answers every submission like this. */
const taker = (answer: (reply: Reply, path: string) => void): Promise<Scripted> =>
  scriptedNode((_, reply, path) => answer(reply, path));
const accepts = (reply: Reply): void => reply.result({ transaction: { id: TX } });
const says =
  (code: number, message = 'no') =>
  (reply: Reply): void =>
    reply.error(code, message);

const reasonOf = (outcome: SubmitOutcome): string =>
  outcome.type === 'accepted' ? '' : outcome.reason;

describe('submitting', () => {
  test('hands the very bytes over, once, and says that they were taken', async () => {
    const [first, second] = [await taker(accepts), await taker(accepts)];
    expect(await submitTo([first.url, second.url])).toEqual({ type: 'accepted' });
    expect(first.requests).toMatchObject([
      { method: 'submitTransaction', params: { transaction: { cbor: '84a0ff' } } },
    ]);
    expect(second.requests).toEqual([]);
  });

  test.each([
    ['refuses', says(3122)],
    ['looks for other inputs', says(3117)],
    ['has no time for them', says(3118)],
    ['breaks', says(-32603)],
    ['closes', ({ socket }: Reply) => socket.close(1011)],
    ['talks nonsense', ({ send }: Reply) => send('{"jsonrpc"')],
  ])('gives the same bytes to the next endpoint where the first %s', async (_, answer) => {
    const [first, second] = [await taker(answer), await taker(accepts)];
    expect(await submitTo([first.url, second.url])).toEqual({ type: 'accepted' });
    expect(first.requests).toHaveLength(1);
    expect(second.requests.map(({ params }) => params)).toEqual(
      first.requests.map(({ params }) => params),
    );
  });

  test('without an answer in time is unknown, and stays so whatever others say', async () => {
    const silent = await taker(() => undefined);
    const refusing = await taker(says(3122, 'fee too small'));
    const outcome = await submitTo([silent.url, refusing.url], { submitMsMax: 500 });
    expect(outcome.type).toBe('unknown');
    expect(reasonOf(outcome)).toMatch(
      /no answer to submitTransaction in 0.5 s.*3122: fee too small/,
    );
    expect([silent, refusing].map(({ requests }) => requests.length)).toEqual([1, 1]);
  });

  test('that is answered late stays unknown, and the late answer disturbs nothing', async () => {
    const held: Reply[] = [];
    const late = await taker((reply) => {
      if (held.length > 0) return says(3997)(reply);
      held.push(reply);
    });
    const node = nodeAt([late.url], { submitMsMax: 500 });
    expect((await node.submit(BYTES, TX, never)).type).toBe('unknown');
    const again = node.submit(BYTES, TX, never);
    if (held[0] !== undefined) accepts(held[0]);
    expect((await again).type).toBe('look_at_chain');
  });

  test.each([
    ['of another transaction', { transaction: { id: 'b'.repeat(64) } }],
    ['of none', {}],
  ])('is unknown where the acceptance is %s', async (_, result) => {
    const wrong = await taker((reply) => reply.result(result));
    expect((await submitTo([wrong.url])).type).toBe('unknown');
  });

  test('is unknown where the connection ends before the answer', async () => {
    const node = await taker(({ socket }) => socket.terminate());
    expect((await submitTo([node.url])).type).toBe('unknown');
  });

  test('where nobody can be reached is no more than too early', async () => {
    const outcome = await submitTo([NOBODY]);
    expect(outcome.type).toBe('passing');
    expect(reasonOf(outcome)).toBe("ws://127.0.0.1:1: can't connect: ECONNREFUSED");
  });

  test('goes on to the next key where one is refused at the door, and remembers it', async () => {
    const paths: string[] = [];
    const guarded = await scriptedNode(
      (_, reply) => accepts(reply),
      (path) => {
        paths.push(path);
        return path.includes('good-key');
      },
    );
    const node = nodeAt([guarded.url], {}, ['bad-key', 'good-key']);
    expect(await node.submit(BYTES, TX, never)).toEqual({ type: 'accepted' });
    expect(await node.submit(BYTES, TX, never)).toEqual({ type: 'accepted' });
    expect(paths).toEqual(['/?apikey=bad-key', '/?apikey=good-key']);
  });

  test('asks each key once where all are refused in the middle, and tells none', async () => {
    const guarded = await taker(says(-32000, 'Forbidden: invalid api key'));
    const outcome = await submitTo([guarded.url], {}, ['very-secret', 'more-secret']);
    expect(outcome.type).toBe('unknown');
    expect(JSON.stringify(outcome)).not.toContain('secret');
    expect(guarded.requests).toHaveLength(2);
  });

  test('keeps a key to itself that an endpoint repeats', async () => {
    const chatty = await taker(says(-32603, 'upstream /?apikey=very-secret failed'));
    const outcome = await submitTo([chatty.url], {}, ['very-secret']);
    expect(reasonOf(outcome)).toContain('upstream /?apikey=***');
  });

  test('ends with its signal: unknown at the endpoint that had it, and no other gets it', async () => {
    const abort = new AbortController();
    const silent = await taker(() => abort.abort());
    const other = await taker(accepts);
    const node = nodeAt([silent.url, other.url]);
    expect((await node.submit(BYTES, TX, abort.signal)).type).toBe('unknown');
    expect(other.requests).toEqual([]);
  });

  test('uses one connection again, and another one once that is closed', async () => {
    const sockets = new Set<unknown>();
    const replies: Reply[] = [];
    const taking = await taker((reply) => {
      sockets.add(reply.socket);
      replies.push(reply);
      accepts(reply);
    });
    const node = nodeAt([taking.url]);
    await node.submit(BYTES, TX, never);
    await node.submit(BYTES, TX, never);
    expect(sockets.size).toBe(1);
    replies[0]?.socket.close();
    await vi.waitFor(() => expect(taking.connections()).toBe(0));
    expect(await node.submit(BYTES, TX, never)).toEqual({ type: 'accepted' });
    expect(sockets.size).toBe(2);
    node.close();
    await vi.waitFor(() => expect(taking.connections()).toBe(0));
  });
});

describe('looking', () => {
  test.each(['6', '7'] as const)('tells what a devnet of version %s knows', async (version) => {
    const net = await devnet({ version });
    const view = await nodeAt([net.url]).look(never);
    expect(view).toMatchObject({ tip: net.chain.tip, parameters: USUAL_PARAMETERS, lag: null });
    const slot = net.chain.tip === 'origin' ? 0 : net.chain.tip.slot;
    expect(view.slotAfter(3_600)).toBe(slot + 3_600);
    expect(() => view.slotAfter(200_000)).toThrow(RangeError);
  });

  test('says that a node lags by its own word, and by the clock', async () => {
    const net = await devnet();
    const later = (minutes: number) =>
      nodeAt([net.url], { now: () => Date.now() + minutes * 60_000 });
    expect((await later(9).look(never)).lag).toBeNull();
    expect((await later(11).look(never)).lag).toBe(
      "the node's tip is 11 minutes old by this machine's clock",
    );
    net.inject({ kind: 'syncing', behind: 2, synchronization: 0.5 });
    expect((await nodeAt([net.url]).look(never)).lag).toContain('still syncing');
  });

  test('prefers a node that is in step, else tells of the one that lags', async () => {
    const net = await devnet();
    const far = await devnet({ blocks: 3 });
    far.inject({ kind: 'syncing', behind: 2, synchronization: 0.5 });
    const view = await nodeAt([NOBODY, far.url, net.url]).look(never);
    expect(view).toMatchObject({ tip: net.chain.tip, lag: null });
    expect((await nodeAt([far.url, NOBODY]).look(never)).lag).toContain('still syncing');
  });

  test('asks again while the tip moves, so that height and point are of one block', async () => {
    const point = (n: number) => ({ slot: n, id: String(n).repeat(64) });
    let asked = 0;
    const moving = await lookable(({ method }) => {
      // The chain grows between the questions of the first round.
      if (method === 'queryNetwork/blockHeight') return 7;
      asked += 1;
      return asked === 1 ? point(6) : point(7);
    });
    expect((await nodeAt([moving.url]).look(never)).tip).toEqual({ ...point(7), height: 7 });
  });

  test('fails where no endpoint answers, and says what each one did', async () => {
    const silent = await scriptedNode(() => undefined);
    const looking = nodeAt([NOBODY, silent.url], { lookMsMax: 30 }).look(never);
    await expect(looking).rejects.toThrow(/ECONNREFUSED.*no answer to queryNetwork/);
  });
});

/** A node made by hand that has everything but a tip. */
const lookable = (tip: (request: ScriptedRequest) => unknown): Promise<Scripted> =>
  scriptedNode((request, reply) => {
    switch (request.method) {
      case 'queryNetwork/startTime':
        return reply.result(new Date().toISOString());
      case 'queryLedgerState/eraSummaries':
        return reply.result([
          {
            start: { time: { seconds: 0 }, slot: 0, epoch: 0 },
            parameters: { epochLength: 1, slotLength: { milliseconds: 1 }, safeZone: null },
          },
        ]);
      case 'queryLedgerState/protocolParameters':
        return reply.result({
          minFeeCoefficient: 44,
          minFeeConstant: { ada: { lovelace: 1 } },
          minUtxoDepositCoefficient: 1,
          maxTransactionSize: { bytes: 1 },
          maxValueSize: { bytes: 1 },
        });
      default:
        return reply.result(tip(request));
    }
  });
