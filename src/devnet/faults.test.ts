import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { connect, devnet, health, NEXT, pause, TIP } from '../../test/support/devnet.js';
import { upgradeStatus } from '../../test/support/raw-client.js';
import type { Fault } from './faults.js';

describe('faults', () => {
  test('drop: without a word, or with a code', async () => {
    const net = await devnet();
    const first = await connect(net.url);
    net.inject({ kind: 'drop' });
    expect(await first.closed).toBe(1006);
    const second = await connect(net.url);
    net.inject({ kind: 'drop', code: 1012 });
    expect(await second.closed).toBe(1012);
    expect(await (await connect(net.url)).ask(TIP)).toContain('"result"');
  });

  test('stall: open, pings answered, requests not, until it is healed', async () => {
    const net = await devnet();
    const { socket, arrived, take } = await connect(net.url);
    net.inject({ kind: 'stall' });
    socket.send(TIP);
    socket.ping();
    await once(socket, 'pong');
    net.mine();
    await pause(30);
    expect(arrived).toEqual([]);
    net.heal('stall');
    expect(await take()).toContain('"id":7');
  });

  test('half-open: not even a ping is answered, and nothing is closed', async () => {
    const net = await devnet();
    const { socket, arrived, closeCode } = await connect(net.url);
    await connect(net.url);
    net.inject({ kind: 'halfOpen' });
    let pongs = 0;
    socket.on('pong', () => (pongs += 1));
    socket.ping();
    socket.send(TIP);
    await pause(60);
    expect([pongs, arrived.length, closeCode(), socket.readyState]).toEqual([0, 0, undefined, 1]);
    expect(await (await connect(net.url)).ask(TIP)).toContain('"result"');
  });

  test('slow: every answer is late, and none overtakes another', async () => {
    const net = await devnet();
    const { socket, take } = await connect(net.url);
    net.inject({ kind: 'slow', delayMs: 20 });
    const start = performance.now();
    for (const id of [1, 2, 3]) socket.send(TIP.replace('7', String(id)));
    const answers = [await take(), await take(), await take()];
    expect(performance.now() - start).toBeGreaterThan(50);
    expect(answers.map((text) => /"id":(\d)}$/.exec(text)?.[1])).toEqual(['1', '2', '3']);
  });

  test.each([401, 403] as const)(
    'refuseKey: HTTP %i, for one key only where it is named',
    async (how) => {
      const net = await devnet();
      net.inject({ kind: 'refuseKey', how, key: 'old' });
      expect(await upgradeStatus(`${net.url}/?apikey=old`)).toBe(how);
      expect(await upgradeStatus(`${net.url}/?apikey=new`)).toBe(101);
      net.heal();
      expect(await upgradeStatus(`${net.url}/?apikey=old`)).toBe(101);
    },
  );

  test.each([1008, 4001, 4003, 4401, 4403] as const)('refuseKey: close code %i', async (how) => {
    const net = await devnet();
    net.inject({ kind: 'refuseKey', how });
    expect(await (await connect(net.url)).closed).toBe(how);
  });

  test('refuseKey: a JSON-RPC error to every request', async () => {
    const net = await devnet();
    net.inject({ kind: 'refuseKey', how: 'error' });
    const answer = JSON.parse(await (await connect(net.url)).ask(TIP)) as Record<string, unknown>;
    expect(answer).toMatchObject({
      id: 7,
      error: { message: expect.stringMatching(/unauthorized/i) as string },
    });
  });

  test.each<[Fault, (text: string) => boolean]>([
    [{ kind: 'garbage', times: 2 }, (text) => text.includes('502 Bad Gateway')],
    [
      { kind: 'truncatedJson', times: 2 },
      (text) => text.startsWith('{"jsonrpc"') && !text.endsWith('}'),
    ],
    [
      { kind: 'rpcError', times: 2, code: -32_000, message: 'Oops.' },
      (text) => text === '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Oops."},"id":7}',
    ],
  ])('%o: as often as asked, then no more', async (fault, spoilt) => {
    const net = await devnet();
    const { ask } = await connect(net.url);
    net.inject(fault);
    const answers = [await ask(TIP), await ask(TIP), await ask(TIP)];
    expect(answers.map(spoilt)).toEqual([true, true, false]);
    expect(net.faults.list()).toEqual([]);
  });

  test('undecodable: the next blocks are JSON and of no type; other answers are spared', async () => {
    const net = await devnet();
    const { ask } = await connect(net.url);
    await ask(NEXT);
    net.inject({ kind: 'undecodable', times: 1 });
    expect(await ask(TIP)).toContain('"result"');
    expect(JSON.parse(await ask(NEXT))).toMatchObject({
      result: { block: { type: 'unheard-of-praos', id: net.chain.blocks()[0]!.id } },
    });
    expect(await ask(NEXT)).toContain('"type":"praos"');
  });

  test('truncatedFrame: the frame ends in the middle, and so does the connection', async () => {
    const net = await devnet();
    const { socket, closed, arrived } = await connect(net.url);
    net.inject({ kind: 'truncatedFrame', times: 1 });
    socket.send(TIP);
    expect(await closed).toBe(1006);
    expect(arrived).toEqual([]);
  });

  test.each(['syncing', 'oldTip'] as const)(
    '%s: the node is back with fewer blocks',
    async (kind) => {
      const net = await devnet({ blocks: 20 });
      const before = await connect(net.url);
      const behind = 8;
      net.inject(kind === 'syncing' ? { kind, behind, synchronization: 0.4 } : { kind, behind });
      expect(await before.closed).toBe(1006);
      const seen = net.chain.blocks()[11]!;
      expect(await health(net.httpUrl)).toMatchObject({
        lastKnownTip: { id: seen.id },
        networkSynchronization: kind === 'syncing' ? 0.4 : 1,
      });
      const { socket, ask, take } = await connect(net.url);
      expect(JSON.parse(await ask(TIP))).toMatchObject({ result: seen.point });
      for (let i = 0; i < 13; i += 1) await ask(NEXT);
      socket.send(NEXT);
      net.heal();
      expect(await take()).toContain(net.chain.blocks()[12]!.id);
    },
  );

  test('a huge block arrives whole', async () => {
    const net = await devnet({ blocks: 0, random: false });
    const { ask } = await connect(net.url);
    await ask(NEXT);
    net.mine([{ bytes: 5_000_000 }]);
    expect((await ask(NEXT)).length).toBeGreaterThan(5_000_000);
  });
});
