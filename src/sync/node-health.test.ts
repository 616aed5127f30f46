import { describe, expect, test } from 'vitest';
import { startDevnet } from '../devnet/server.js';
import { FIRST_CHOICE } from './endpoints.js';
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
    const stop = new AbortController();
    const told: NodeHealth[] = [];
    await watchNodeHealth(
      endpoints,
      FIRST_CHOICE,
      (health) => {
        told.push(health);
        stop.abort();
      },
      stop.signal,
    );
    await devnet.close();
    expect(told).toEqual([{ synchronization: 0.25, connected: true }]);
  });
});
