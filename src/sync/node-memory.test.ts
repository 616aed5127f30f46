import { EventEmitter, on, once } from 'node:events';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { type Reply, scriptedNode } from '../../test/support/scripted-node.js';
import { parseNetwork } from '../chain/network.js';
import type { Dial } from './endpoints.js';
import { createNodeMemory, type NodeMemory } from './node-memory.js';
import { openNode } from './open-node.js';
import { openRequests } from './requests.js';
import { createSession } from './session.js';

const never = new AbortController().signal;
const LIMITS = { timeoutMs: 5_000, signal: never };

const knowingNothing = (): NodeMemory => {
  const network = parseNetwork('preprod');
  if (network === undefined) throw new Error('preprod is a network');
  return createNodeMemory(network);
};

const opening = (dial: Dial): Promise<unknown> =>
  openNode(dial, never).then(
    (socket) => {
      socket.terminate();
      return 'open';
    },
    (error: unknown) => error,
  );

const FOREIGN = { networkMagic: 2 };
const OURS = { networkMagic: 1 };

describe('a node that does not answer which network it is of', () => {
  test('is taken after three seconds, and for a minute at once, asked all the same', async () => {
    const { dial, asked, requests } = await silentNode();
    const clock = stopTheClock();
    const open = opening(dial);
    await asked();
    const settled = vi.fn();
    void open.then(settled);
    await clock.pass(2_999);
    expect(settled).not.toHaveBeenCalled();
    await clock.pass(1);
    expect(await open).toBe('open');
    await clock.pass(59_999);
    await openInUse(dial);
    await asked();
    expect(requests).toHaveLength(2);
    await clock.pass(1);
    const later = opening(dial);
    await asked();
    await clock.pass(3_000);
    expect(await later).toBe('open');
    expect(requests).toHaveLength(3);
  });

  test.each([
    ['as Ogmios does', (late: Reply) => late.result(FOREIGN)],
    [
      'without repeating what it was asked',
      (late: Reply) => late.send(JSON.stringify({ result: FOREIGN, id: 'n' })),
    ],
  ])(
    'and then names another one, %s, is left, and refused until it names ours',
    async (_, name) => {
      const { dial, asked } = await silentNode();
      const clock = stopTheClock();
      const opened = openInUse(dial);
      const first = await asked();
      await clock.pass(3_000);
      const closed = once(await opened, 'close');
      name(first);
      await closed;

      const silent = opening(dial);
      await asked();
      await clock.pass(10_000);
      expect(String(await silent)).toContain('of another network than NETWORK, which is preprod');
      const unsure = opening(dial);
      (await asked()).error(2002, 'Query unavailable in the current era.');
      expect(String(await unsure)).toContain('of another network than NETWORK, which is preprod');
      const ours = opening(dial);
      (await asked()).result(OURS);
      expect(await ours).toBe('open');
    },
  );

  test.each([0, 1])(
    'is left by all who use it once it names another one to whoever came as number %d',
    async (which) => {
      const { dial, asked } = await silentNode();
      const clock = stopTheClock();
      const opened = openInUse(dial);
      const questions = [await asked()];
      await clock.pass(3_000);
      const first = await opened;
      const second = await openInUse(dial);
      questions.push(await asked());
      const closed = Promise.all([once(first, 'close'), once(second, 'close')]);
      questions[which]?.result(FOREIGN);
      await closed;

      const next = opening(dial);
      (await asked()).result(FOREIGN);
      expect(String(await next)).toContain('one of preview, and NETWORK is preprod');
    },
  );

  test('and names another one on a second connection is asked on the third', async () => {
    const { dial, asked } = await silentNode();
    const clock = stopTheClock();
    const silent = opening(dial);
    await asked();
    await clock.pass(1_000);
    const told = opening(dial);
    const question = await asked();
    await clock.pass(2_000);
    expect(await silent).toBe('open');
    question.result(FOREIGN);
    expect(String(await told)).toContain('one of preview');
    const third = opening(dial);
    (await asked()).result(FOREIGN);
    expect(String(await third)).toContain('one of preview');
  });

  test.each([
    ['names ours', (late: Reply) => late.result(OURS)],
    ['calls the question forbidden', (late: Reply) => late.error(-32_000, 'Forbidden')],
  ])('and then %s disturbs nobody who asks it something else', async (_, answerLate) => {
    const { dial, asked } = await silentNode();
    const clock = stopTheClock();
    const open = async (): Promise<Reply> => {
      const late = await asked();
      await clock.pass(3_000);
      return late;
    };
    const [requests, first] = await Promise.all([openRequests(dial, never), open()]);
    const tip = requests.request('queryNetwork/tip', undefined, LIMITS);
    const tipAsked = await asked();
    answerLate(first);
    tipAsked.result('origin');
    expect(await tip).toBe('origin');
    requests.close('the test is over');

    const [socket, second] = await Promise.all([openNode(dial, never), open()]);
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

test('a node that could not say its network is left once it names another one to somebody else', async () => {
  const { dial, asked } = await silentNode();
  const opened = openInUse(dial);
  (await asked()).error(2002, 'Query unavailable in the current era.');
  const closed = once(await opened, 'close');
  const next = opening(dial);
  (await asked()).result(FOREIGN);
  expect(String(await next)).toContain('one of preview, and NETWORK is preprod');
  await closed;
});

test('a connection over which our network was named, be it late, is kept', async () => {
  const { dial, asked } = await silentNode();
  const clock = stopTheClock();
  const opened = openInUse(dial);
  const late = await asked();
  await clock.pass(3_000);
  const kept = await opened;
  const heard = once(kept, 'message');
  late.result(OURS);
  await heard;
  const other = opening(dial);
  (await asked()).result(FOREIGN);
  expect(String(await other)).toContain('one of preview');
  const pong = once(kept, 'pong');
  kept.ping();
  await pong;
});

test('what one memory knows of a node another one does not', async () => {
  const { dial, asked } = await silentNode();
  const refused = opening(dial);
  (await asked()).result(FOREIGN);
  expect(String(await refused)).toContain('one of preview');
  const elsewhere = opening({ ...dial, nodes: knowingNothing() });
  (await asked()).error(2002, 'Query unavailable in the current era.');
  expect(await elsewhere).toBe('open');
});

/** As by whoever listens to what comes. */
async function openInUse(dial: Dial): Promise<WebSocket> {
  const socket = await openNode(dial, never);
  onTestFinished(() => socket.terminate());
  socket.resume();
  return socket;
}

/** A node that answers when the test does: `asked` waits for the next question. */
async function silentNode() {
  const questions = new EventEmitter();
  const { url, requests } = await scriptedNode((_, reply) => void questions.emit('asked', reply));
  const replies = on(questions, 'asked') as AsyncIterator<[Reply], undefined>;
  const asked = async (): Promise<Reply> => {
    const { value } = await replies.next();
    if (value === undefined) throw new Error('nothing will be asked any more');
    return value[0];
  };
  const dial: Dial = { url, headers: {}, nodes: knowingNothing() };
  return { dial, asked, requests };
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
