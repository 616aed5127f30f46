import { once } from 'node:events';
import { createConnection } from 'node:net';
import { describe, expect, test } from 'vitest';
import { connect, devnet, health, NEXT, pause, TIP } from '../../test/support/devnet.js';
import { upgradeStatus } from '../../test/support/raw-client.js';

describe('the server', () => {
  test('shows every field of health that Ogmios shows', async () => {
    const { chain, httpUrl } = await devnet();
    const response = await fetch(`${httpUrl}/health`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const text = await response.text();
    expect(text).toContain('"networkSynchronization":1.00000,');
    const tip = chain.tip as { slot: number };
    expect(JSON.parse(text)).toEqual({
      startTime: expect.stringMatching(/Z$/) as string,
      lastKnownTip: chain.tip,
      lastTipUpdate: expect.stringMatching(/Z$/) as string,
      networkSynchronization: 1,
      currentEra: 'conway',
      metrics: {
        runtimeStats: {
          maxHeapSize: expect.any(Number) as number,
          currentHeapSize: expect.any(Number) as number,
          cpuTime: expect.any(Number) as number,
          gcCpuTime: 0,
        },
        activeConnections: 0,
        totalConnections: 0,
        sessionDurations: { min: 0, mean: 0, max: 0 },
        totalMessages: 0,
        totalUnrouted: 0,
      },
      connectionStatus: 'connected',
      currentEpoch: 0,
      slotInEpoch: tip.slot,
      version: 'v6.14.0 (devnet)',
      network: 'unknown (42)',
    });
  });

  test('delivers to all who wait as soon as a block is mined, and counts them', async () => {
    const net = await devnet({ blocks: 0, random: false });
    expect(await health(net.httpUrl)).toMatchObject({
      lastKnownTip: 'origin',
      lastTipUpdate: null,
    });
    const clients = [await connect(net.url), await connect(net.url)];
    for (const { ask } of clients) expect(await ask(NEXT)).toContain('"point":"origin"');
    for (const { socket } of clients) socket.send(NEXT);
    await expect
      .poll(async () => (await health(net.httpUrl)).metrics)
      .toMatchObject({
        activeConnections: 2,
        totalConnections: 2,
        totalMessages: 4,
      });
    const { id } = net.mine();
    for (const { take } of clients) expect(await take()).toContain(`"id":"${id}"`);
    expect(net.connections).toBe(2);
  });

  test('answers single requests over HTTP, 400 where the answer is an error', async () => {
    const net = await devnet();
    const post = async (body: string) => {
      const response = await fetch(net.httpUrl, { method: 'POST', body });
      return [response.status, await response.text()] as const;
    };
    const { id } = net.chain.blocks().at(-1)!;
    expect(await post(TIP)).toEqual([200, expect.stringContaining(id)]);
    expect(await post('{')).toEqual([400, expect.stringContaining('-32600')]);
    const acquire = {
      jsonrpc: '2.0',
      method: 'acquireLedgerState',
      params: { point: { slot: 0, id } },
    };
    expect(await post(JSON.stringify(acquire))).toEqual([400, expect.stringContaining('2000')]);
  });

  test('mines by itself where it has a block time, until it is closed', async () => {
    const net = await devnet({ blocks: 1, blockTimeMs: 5 });
    await expect.poll(() => net.chain.blocks().length).toBeGreaterThan(3);
    await net.close();
    const { length } = net.chain.blocks();
    await pause(30);
    expect(net.chain.blocks()).toHaveLength(length);
    await expect(fetch(`${net.httpUrl}/health`)).rejects.toThrow();
  });

  test('shows a fork as one switch, with the payment in it again or not', async () => {
    const net = await devnet({ random: false });
    const output = { address: net.chain.faucet, lovelace: 7_000_000n };
    const { transaction } = net.payNow(output);
    const { ask } = await connect(net.url);
    for (let i = 0; i < 7; i += 1) await ask(NEXT);
    const mined = net.fork(2);
    expect(mined).toHaveLength(3);
    expect(mined[0]!.transactions).toEqual([transaction]);
    expect(await ask(NEXT)).toContain('"direction":"backward"');
    for (const { id } of mined)
      expect(await ask(NEXT)).toContain(`"block":{"type":"praos","era":"conway","id":"${id}"`);
    const without = net.fork(3, { blocks: 5, comeBack: 'none' });
    expect(without.flatMap(({ transactions }) => transactions)).toEqual([]);
    expect(net.chain.orphans()).toEqual([]);
  });

  test('lets only known keys in where keys are configured, wherever they are sent', async () => {
    const net = await devnet({ apiKeys: ['good', 'other'] });
    expect(await upgradeStatus(net.url)).toBe(401);
    expect(await upgradeStatus(`${net.url}/?apikey=bad`)).toBe(401);
    const ways = [
      await connect(`${net.url}/?apikey=good`),
      await connect(net.url, { 'dmtr-api-key': 'other' }),
      await connect(net.url, { authorization: 'Bearer good' }),
    ];
    for (const { ask } of ways) expect(await ask(TIP)).toContain('"id":7');
  });

  test('outlives clients that it refuses and that reset the connection', async () => {
    const net = await devnet({ apiKeys: ['good'] });
    for (let client = 0; client < 20; client += 1) await askAndReset(net.port);
    expect(await upgradeStatus(net.url)).toBe(401);
  });
});

/** Asks for a WebSocket without a key, hears of the refusal and resets the connection. */
async function askAndReset(port: number): Promise<void> {
  const socket = createConnection(port, '127.0.0.1');
  socket.write(
    'GET / HTTP/1.1\r\nHost: devnet\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  );
  await once(socket, 'data');
  socket.resetAndDestroy();
  await once(socket, 'close');
}
