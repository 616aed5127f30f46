import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { devnet } from '../../test/support/devnet.js';
import { openWorker } from '../../test/support/following.js';
import { scriptedNode } from '../../test/support/scripted-node.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import { parseNetwork } from '../chain/network.js';
import { createNodeMemory } from './node-memory.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test.each([
  ['says nothing of its network', 'queryNetwork/genesisConfiguration'],
  ['never tells where the chains meet', 'findIntersection'],
])(
  'an endpoint that %s, and ends late, did nothing for us: the next one is tried',
  async (_, unanswered) => {
    const net = await devnet();
    const late = clockThatJumps();
    const slow = await scriptedNode(({ method }, { socket, result }) => {
      if (method !== unanswered) return result({ networkMagic: 1 });
      late(20_000);
      socket.close(1011);
    });
    const network = parseNetwork('preprod');
    if (network === undefined) throw new Error('preprod is a network');
    let connected: string | null = null;
    let followed: string | null = null;
    const worker = openWorker(database, net, {
      endpoints: {
        urls: [slow.url, net.url],
        keys: [],
        keyHeader: null,
        keyParam: 'apikey',
        nodes: createNodeMemory(network),
      },
      observe: (event) => {
        if (event.type === 'connected') connected = event.endpoint;
        if (event.type === 'intersection_found') followed = connected;
      },
    });
    onTestFinished(() => worker.stop());
    await expect.poll(() => followed, { timeout: 10_000 }).toBe(net.url);
    expect(slow.requests.filter(({ method }) => method === unanswered)).toHaveLength(1);
  },
);

/** What is measured by it took so much longer than it did. */
function clockThatJumps(): (ms: number) => void {
  const now = performance.now.bind(performance);
  let ahead = 0;
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => now() + ahead);
  onTestFinished(() => spy.mockRestore());
  return (ms) => {
    ahead += ms;
  };
}
