import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { readBooks } from '../simulation/books.js';
import { test } from './world.js';

describe.concurrent('a node that is in trouble', { timeout: 60_000 }, () => {
  test.for([
    { kind: 'syncing', behind: 9, synchronization: 0.5 },
    { kind: 'oldTip', behind: 25 },
    // So far back that it has none of the points that a database this young can offer but the first.
    { kind: 'oldTip', behind: 39 },
  ] as const)(
    'is waited for when it is $behind blocks behind ($kind), and nothing is rolled back',
    async (fault, { open }) => {
      const world = await open({ devnet: { ...world40 } });
      const worker = await world.start();
      expect(await world.wrongAtTip()).toEqual([]);
      const at = await world.cursor();
      world.devnet.inject(fault);
      const { status } = await worker.untilReadiness('blockchain');
      expect(status).toBe(503);
      await worker.until('node_behind');
      await sleep(1_500);
      expect(await world.cursor()).toBe(at);
      expect((await worker.get('/health/ready')).status).toBe(503);
      world.devnet.heal();
      await worker.untilReadiness('ready');
      world.devnet.mine();
      expect(await world.wrongAtTip()).toEqual([]);
      expect(worker.output()).not.toContain('"rollback"');
    },
  );

  test('sends a block that nobody can read: it is told, asked for again, never skipped', async ({
    open,
  }) => {
    const world = await open();
    const worker = await world.start();
    expect(await world.wrongAtTip()).toEqual([]);
    const at = await world.cursor();
    world.devnet.inject({ kind: 'undecodable', times: 1_000 });
    for (let i = 0; i < 5; i += 1) world.devnet.mine();
    const { body } = await worker.untilReadiness('undecodable_block', 30_000);
    expect(body).toMatchObject({ status: 'not_ready' });
    expect(await world.cursor()).toBe(at);
    const { after } = await worker.until('undecodable_block');
    expect(String(after)).toContain(String(at));
    const askedAgain = { from: worker.lines.length, withinMs: 30_000 };
    expect((await worker.until('undecodable_block', askedAgain)).after).toBe(after);
    expect(await world.cursor()).toBe(at);
    world.devnet.heal();
    await worker.untilReadiness('ready', 30_000);
    expect(await world.wrongAtTip()).toEqual([]);
  });

  test('knows nothing of what is recorded: nothing changes, and a person is told what to do', async ({
    open,
  }) => {
    const world = await open({ devnet: { seed: 'ours', blocks: 40 } });
    const other = await open({ devnet: { seed: 'theirs', blocks: 60 } });
    const first = await world.start();
    expect(await world.wrongAtTip()).toEqual([]);
    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);
    const before = await readBooks(world.pool);
    const worker = await world.start({ OGMIOS_URL: other.devnet.url });
    expect((await worker.untilReadiness('intersection_lost')).status).toBe(503);
    const { msg } = await worker.until('intersection_lost');
    expect(msg).toContain('Check that OGMIOS_URL leads to a node of NETWORK');
    await sleep(1_000);
    const after = await readBooks(world.pool);
    expect({ ...after, state: null }).toEqual({ ...before, state: null });
    expect(after.state).toEqual({ ...before.state, leader_epoch: '2' });
    expect((await worker.get('/health/ready')).body).toMatchObject({ reason: 'intersection_lost' });
  });

  test('answers with an error, garbage, halves and huge blocks: all of it is survived', async ({
    open,
  }) => {
    const world = await open();
    const worker = await world.start();
    expect(await world.wrongAtTip()).toEqual([]);
    const load = world.load(30);
    for (const fault of [
      { kind: 'garbage', times: 2 },
      { kind: 'drop' },
      { kind: 'truncatedJson', times: 2 },
      // More than one: the first may answer the tip query, which any answer satisfies.
      { kind: 'rpcError', times: 5, code: -32_000, message: 'Internal error.' },
      { kind: 'truncatedFrame', times: 1 },
      { kind: 'drop', code: 1011 },
    ] as const) {
      const from = worker.lines.length;
      world.devnet.inject(fault);
      await worker.until('disconnected', { from });
      await worker.until('intersection_found', { from });
    }
    const from = worker.lines.length;
    world.devnet.mine([{ bytes: 20 * 1024 * 1024 }]);
    world.devnet.inject({ kind: 'slow', delayMs: 100 });
    await sleep(1_000);
    world.devnet.heal();
    load.stop();
    expect(await world.wrongAtTip(30_000)).toEqual([]);
    expect(worker.lines.slice(from).filter((line) => line.event === 'disconnected')).toEqual([]);
    await worker.untilReadiness('ready');
  });
});

const world40 = { blocks: 40 };
