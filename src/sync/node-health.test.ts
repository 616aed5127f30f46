import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startDevnet } from '../devnet/server.js';
import { type Endpoints, FIRST_CHOICE } from './endpoints.js';
import { type NodeHealth, nodeProblem, readNodeHealth, watchNodeHealth } from './node-health.js';

describe("the node's health", () => {
  test.each<[string, unknown, NodeHealth]>([
    [
      'both',
      { networkSynchronization: 0.5, connectionStatus: 'connected' },
      { synchronization: 0.5, connected: true },
    ],
    [
      'a lost node',
      { networkSynchronization: null, connectionStatus: 'disconnected' },
      { synchronization: null, connected: false },
    ],
    ['another service', { status: 'ok' }, { synchronization: null, connected: null }],
    ['no object', 'ok', { synchronization: null, connected: null }],
  ])('is read from an answer with %s', (_, answer, expected) => {
    expect(readNodeHealth(answer)).toEqual(expected);
  });

  test.each<[NodeHealth, RegExp | null]>([
    [{ synchronization: 1, connected: true }, null],
    [{ synchronization: null, connected: null }, null],
    [{ synchronization: 0.5, connected: true }, /50.00 % of the chain/],
    [{ synchronization: 1, connected: false }, /not connected/],
  ])('%j is trouble or not', (health, problem) => {
    if (problem === null) expect(nodeProblem(health)).toBeNull();
    else expect(nodeProblem(health)).toMatch(problem);
  });

  test('is asked of the endpoint over HTTP', async () => {
    const devnet = await startDevnet({ seed: 1 });
    devnet.inject({ kind: 'syncing', behind: 5, synchronization: 0.25 });
    const endpoints = {
      urls: [devnet.url] as const,
      keys: [],
      keyHeader: null,
      keyParam: 'apikey',
    };
    const told = await firstTold(endpoints);
    await devnet.close();
    expect(told).toEqual({ synchronization: 0.25, connected: true });
  });

  test('is not asked where an endpoint redirects to: the key is for that endpoint alone', async () => {
    const keysElsewhere: unknown[] = [];
    const elsewhere = await serve((request, response) => {
      keysElsewhere.push(request.headers['dmtr-api-key']);
      response.end('{"networkSynchronization": 1, "connectionStatus": "connected"}');
    });
    let asked = 0;
    const endpoint = await serve((_, response) => {
      asked += 1;
      response.writeHead(307, { location: `http://127.0.0.1:${elsewhere.port}/health` }).end();
    });
    const told = await firstTold({
      urls: [`ws://127.0.0.1:${endpoint.port}`],
      keys: ['alpha'],
      keyHeader: 'dmtr-api-key',
      keyParam: 'apikey',
    });
    endpoint.close();
    elsewhere.close();
    expect(asked).toBe(1);
    expect(keysElsewhere).toEqual([]);
    expect(told).toEqual({ synchronization: null, connected: null });
  });
});

async function serve(answer: RequestListener): Promise<{ port: number; close: () => void }> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { port, close };
}

async function firstTold(endpoints: Endpoints): Promise<NodeHealth | undefined> {
  const stop = new AbortController();
  const told: NodeHealth[] = [];
  const tell = (health: NodeHealth): void => {
    told.push(health);
    stop.abort();
  };
  await watchNodeHealth(endpoints, FIRST_CHOICE, tell, stop.signal);
  return told[0];
}
