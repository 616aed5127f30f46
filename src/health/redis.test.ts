import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Secret } from '../config.js';
import { createRedisPing } from './redis.js';

let server: Server | undefined;
afterEach(() => server?.close());

/** Says PONG and knows nothing else: enough to tell a live connection from none. */
async function listen(): Promise<number> {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      for (const command of chunk.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
        const name = command[1]?.toLowerCase();
        socket.write(name === 'ping' ? '+PONG\r\n' : name === 'info' ? '$0\r\n\r\n' : '+OK\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('a server that answers is well, again and again', async () => {
  const redis = createRedisPing(new Secret(`redis://127.0.0.1:${await listen()}`));
  await redis.ping();
  await redis.ping();
  redis.close();
});

test('one that is not there is told soon, without its password', async () => {
  const redis = createRedisPing(new Secret('redis://:hunter2@127.0.0.1:1'));
  const failure: unknown = await redis.ping().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(String(failure)).not.toContain('hunter2');
  redis.close();
});
