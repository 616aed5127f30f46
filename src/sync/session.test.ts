import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { decodeNextBlock } from '../chain/decode.js';
import { type Devnet, startDevnet } from '../devnet/server.js';
import { ConnectionEnded, KeyRefused, openSocket } from './connection.js';
import { type ChainSyncSession, createSession } from './session.js';

const ALL = { frames: 1_000, bytes: 1e9 };
const answersTipQuery = { get: () => false, set: () => undefined };

async function sessionWith(url: string): Promise<ChainSyncSession> {
  const socket = await openSocket({ url, headers: {} }, new AbortController().signal);
  const session = createSession(socket, { answersTipQuery });
  onTestFinished(() => session.close('the test is over'));
  return session;
}

async function devnet(blocks: number): Promise<Devnet> {
  const net = await startDevnet({ blocks });
  onTestFinished(() => net.close());
  return net;
}

/** A node made by hand; `answer` gets each request's method. */
async function nodeThat(answer: (method: string, socket: WebSocket) => void): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket) => {
    socket.on('message', (text: Buffer) => {
      answer((JSON.parse(text.toString()) as { method: string }).method, socket);
    });
  });
  await once(server, 'listening');
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Takes until there are so many. */
async function takeAll(session: ChainSyncSession, count: number): Promise<string[]> {
  const frames: string[] = [];
  while (frames.length < count) frames.push(...(await session.take(ALL)));
  return frames;
}

describe('a session', () => {
  test('finds the newest point that both know, or none and the tip', async () => {
    const net = await devnet(5);
    const [first, second] = net.chain.blocks().map((block) => block.point);
    const session = await sessionWith(net.url);
    const stranger = { slot: 7, id: 'f'.repeat(64) } as typeof first;
    if (first === undefined || second === undefined || stranger === undefined) throw new Error();
    expect(await session.findIntersection([stranger, second, first])).toEqual({
      point: second,
      tip: net.chain.tip,
    });
    expect(await session.findIntersection([stranger])).toEqual({ point: null, tip: net.chain.tip });
  });

  test('delivers every answer once and in order, and waits for what is not there yet', async () => {
    const net = await devnet(300);
    const session = await sessionWith(net.url);
    await session.findIntersection(['origin']);
    session.begin();
    const frames = await takeAll(session, 301);
    const events = frames.map(decodeNextBlock);
    expect(events[0]).toMatchObject({ type: 'backward', point: 'origin' });
    const ids = events.slice(1).map((event) => (event.type === 'forward' ? event.block.id : ''));
    expect(ids).toEqual(net.chain.blocks().map((block) => block.id));
    const next = session.take(ALL);
    const mined = net.mine();
    const [frame = ''] = await next;
    expect(decodeNextBlock(frame)).toMatchObject({ type: 'forward', block: { id: mined.id } });
  });

  test('takes no more frames or bytes than it is told, but one at least', async () => {
    const net = await devnet(50);
    const session = await sessionWith(net.url);
    await session.findIntersection(['origin']);
    session.begin();
    await expect.poll(async () => (await session.take({ frames: 7, bytes: 1e9 })).length).toBe(7);
    expect(await session.take({ frames: 7, bytes: 1 })).toHaveLength(1);
  });

  test('asks no more than a hundred blocks ahead, and one tip', async () => {
    const asked = new Map<string, number>();
    const url = await nodeThat((method) => asked.set(method, (asked.get(method) ?? 0) + 1));
    const session = await sessionWith(url);
    session.begin();
    await expect.poll(() => asked.get('nextBlock')).toBe(100);
    expect(asked.get('queryNetwork/tip')).toBe(1);
  });

  test('stops asking while large answers wait untaken, and goes on when they are taken', async () => {
    let answered = 0;
    const big = `{"jsonrpc":"2.0","method":"nextBlock","result":{"x":"${'x'.repeat(1024 * 1024)}"},"id":"b"}`;
    const url = await nodeThat((method, socket) => {
      if (method !== 'nextBlock') return;
      answered += 1;
      socket.send(big);
    });
    const session = await sessionWith(url);
    session.begin();
    await expect.poll(() => answered).toBeGreaterThanOrEqual(100);
    await new Promise((resolve) => setTimeout(resolve, 300));
    // A hundred were asked for before anyone knew how large they are; hardly one more.
    const waiting = answered;
    expect(waiting).toBeLessThanOrEqual(110);
    await takeAll(session, waiting);
    void session.take(ALL).catch(() => undefined);
    await expect.poll(() => answered).toBeGreaterThan(waiting);
    expect(answered - waiting).toBeLessThanOrEqual(40);
  });

  test('delivers garbage where a block should be, so that it is told as that', async () => {
    const net = await devnet(3);
    const session = await sessionWith(net.url);
    await session.findIntersection(['origin']);
    net.inject({ kind: 'garbage', times: 1 });
    session.begin();
    const frames = await takeAll(session, 4);
    expect(frames.some((frame) => frame.includes('502 Bad Gateway'))).toBe(true);
  });

  test('hands out what arrived before its end, and then the reason', async () => {
    const net = await devnet(3);
    const session = await sessionWith(net.url);
    await session.findIntersection(['origin']);
    session.begin();
    await new Promise((resolve) => setTimeout(resolve, 100));
    net.inject({ kind: 'drop', code: 1011 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await session.take(ALL)).toHaveLength(4);
    await expect(session.take(ALL)).rejects.toThrow(new ConnectionEnded('closed with 1011'));
  });

  test('ends while it waits, when it is closed', async () => {
    const net = await devnet(0);
    const session = await sessionWith(net.url);
    const waiting = session.findIntersection(['origin']).then(() => session.take(ALL));
    setTimeout(() => session.close('enough'), 50);
    await expect(waiting).rejects.toThrow('enough');
    await expect(session.findIntersection(['origin'])).rejects.toThrow('enough');
  });

  test.each(['asked where to begin', 'asked for blocks'])(
    'says that the key is refused when it %s',
    async (when) => {
      const refusal = '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Forbidden"},"id":null}';
      const url = await nodeThat((_, socket) => socket.send(refusal));
      const session = await sessionWith(url);
      if (when === 'asked for blocks') session.begin();
      const asking =
        when === 'asked for blocks' ? session.take(ALL) : session.findIntersection(['origin']);
      await expect(asking).rejects.toBeInstanceOf(KeyRefused);
    },
  );

  test('ends on an error that is no answer to anything it knows', async () => {
    const error = '{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"},"id":null}';
    const url = await nodeThat((_, socket) => socket.send(error));
    const session = await sessionWith(url);
    session.begin();
    await expect(session.take(ALL)).rejects.toThrow('the node answered with an error');
  });

  test.each([
    ['a frame that is none', [0xff, 0xff, 0xff, 0xff]],
    ['a close frame with a code that does not exist', [0x88, 0x02, 0x00, 0x05]],
  ])('survives %s right behind the handshake', async (_, bytes) => {
    const server = createServer();
    server.on('upgrade', (request, socket) => {
      const accept = createHash('sha1')
        .update(`${request.headers['sec-websocket-key'] ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      const head = `HTTP/1.1 101 Yes\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`;
      socket.on('error', () => undefined);
      socket.write(Buffer.concat([Buffer.from(head), Buffer.from(bytes)]));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const session = await sessionWith(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    session.begin();
    await expect(session.take(ALL)).rejects.toBeInstanceOf(ConnectionEnded);
  });

  test('stays with a server that answers an unknown method with a nameless error', async () => {
    const url = await nodeThat((method, socket) => {
      const known = method === 'nextBlock';
      const block = '{"jsonrpc":"2.0","method":"nextBlock","result":{},"id":"b"}';
      const unknown =
        '{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":null}';
      socket.send(known ? block : unknown);
    });
    const session = await sessionWith(url);
    session.begin();
    expect((await takeAll(session, 150)).length).toBeGreaterThanOrEqual(150);
  });

  test('ends with what the node says instead of a block: that is no block that can not be read', async () => {
    const url = await nodeThat((method, socket) => {
      if (method !== 'nextBlock') return;
      socket.send(
        '{"jsonrpc":"2.0","method":"nextBlock","error":{"code":-32000,"message":"no"},"id":"b"}',
      );
    });
    const session = await sessionWith(url);
    session.begin();
    await expect(session.take(ALL)).rejects.toThrow('the node answered nextBlock with an error');
  });
});
