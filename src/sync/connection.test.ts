import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  ConnectionEnded,
  closedWith,
  KeyRefused,
  openSocket,
  SAYS_KEY_REFUSED,
} from './connection.js';

const never = new AbortController().signal;

/** An HTTP server that answers every upgrade with this status; null: not at all. */
async function doorkeeper(status: number | null): Promise<string> {
  const server = createServer();
  const sockets = new Set<Duplex>();
  server.on('upgrade', (_, socket) => {
    // One that comes late comes after its test.
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (status !== null) socket.end(`HTTP/1.1 ${status} No\r\nconnection: close\r\n\r\n`);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/?apikey=very-secret`;
}

describe('opening a socket', () => {
  test.each([
    [401, KeyRefused],
    [403, KeyRefused],
    [404, ConnectionEnded],
    [429, ConnectionEnded],
    [500, ConnectionEnded],
    [503, ConnectionEnded],
  ])('that is answered with HTTP %i is refused for what it is', async (status, kind) => {
    const url = await doorkeeper(status);
    const opening = openSocket({ url, headers: {} }, never);
    await expect(opening).rejects.toBeInstanceOf(kind);
    await expect(opening).rejects.toThrow(`HTTP ${status}`);
  });

  test('where nobody listens fails without telling the key', async () => {
    const url = 'ws://127.0.0.1:1/?apikey=very-secret';
    const failure = await openSocket({ url, headers: {} }, never).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConnectionEnded);
    expect(String(failure)).toContain('ECONNREFUSED');
    expect(`${String(failure)} ${JSON.stringify(failure)}`).not.toContain('very-secret');
  });

  test('ends at once when it is aborted, before and meanwhile', async () => {
    const url = await doorkeeper(null);
    const abort = new AbortController();
    const opening = openSocket({ url, headers: {} }, abort.signal);
    setTimeout(() => abort.abort(), 20);
    await expect(opening).rejects.toThrow('stopped while connecting');
    await expect(openSocket({ url, headers: {} }, abort.signal)).rejects.toThrow('stopped');
  });
});

describe('a close', () => {
  test.each([1008, 4001, 4003, 4401, 4403])('with code %i refuses the key', (code) => {
    expect(closedWith(code, '')).toBeInstanceOf(KeyRefused);
  });

  test.each([1000, 1001, 1006, 1009, 1011, 1012, 4000, 4429])('with code %i does not', (code) => {
    expect(closedWith(code, 'why')).toEqual(new ConnectionEnded(`closed with ${code} (why)`));
  });
});

describe('a JSON-RPC error', () => {
  test.each([
    'Unauthorized',
    'unauthorised',
    '403 Forbidden',
    'Invalid API key.',
    'invalid_key',
    'invalid api-key',
  ])('that says %s refuses the key', (text) => {
    expect(SAYS_KEY_REFUSED.test(text)).toBe(true);
  });

  test.each([
    'Internal error',
    'Invalid request: points must be a list',
    'keyed',
    'No intersection found.',
  ])('that says %s does not', (text) => {
    expect(SAYS_KEY_REFUSED.test(text)).toBe(false);
  });
});
