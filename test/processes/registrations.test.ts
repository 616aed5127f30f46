import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import type { WorkerProcess } from './worker-process.js';
import { addressAt, test, type World, WRITE_KEY } from './world.js';

/** Registers over HTTP and pays in the very next block. */
async function registerAndPay(world: World, worker: WorkerProcess, index: number): Promise<void> {
  const address = addressAt(1_000 + index);
  const userId = `new-user-${index % 5}`;
  const answer = await worker.post('/v1/addresses', { address, userId }, WRITE_KEY);
  expect(answer.status).toBe(201);
  // What this block and later ones pay it counts: the answer came before they were mined.
  const { tip } = world.devnet.chain;
  world.registered(address, userId, tip === 'origin' ? -1 : tip.height);
  world.devnet.payNow({ address, lovelace: BigInt(5_000_000 + index) });
}

const BATCHES = 15;
const BATCH = 400;

/** Many at once: their transaction lasts, and single ones that began later commit before it does. */
async function registerManyAndPay(world: World, worker: WorkerProcess, nth: number): Promise<void> {
  const batch = Array.from({ length: BATCH }, (_, i) => ({
    address: addressAt(100_000 + nth * BATCH + i),
    userId: `new-user-${nth % 5}`,
  }));
  const answer = await worker.post('/v1/addresses', batch, WRITE_KEY);
  expect(answer.status).toBe(200);
  const { tip } = world.devnet.chain;
  for (const { address, userId } of batch) {
    world.registered(address, userId, tip === 'origin' ? -1 : tip.height);
  }
  const paid = batch.filter((_, i) => i % 40 === 0);
  world.devnet.payNow(...paid.map(({ address }) => ({ address, lovelace: 4_000_000n })));
}

describe('addresses registered in another process while blocks come as fast as they can', {
  timeout: 60_000,
}, () => {
  test('get every payment of every block that was mined after the answer', async ({ open }) => {
    const world = await open();
    const leader = await world.start();
    await leader.until('leader_acquired');
    // A standby's HTTP takes the registrations: the leader hears of them from the database alone.
    const standby = await world.start();
    let mined = 0;
    const over = new AbortController();
    const mining = (async () => {
      while (!over.signal.aborted) {
        world.devnet.mine();
        mined += 1;
        await sleep(mined % 10 === 0 ? 8 : 0);
      }
    })();
    let next = 0;
    const clerks = Array.from({ length: 6 }, async () => {
      while (next < 300) {
        next += 1;
        await registerAndPay(world, standby, next);
      }
    });
    const wholesale = (async () => {
      for (let nth = 0; nth < BATCHES; nth += 1) await registerManyAndPay(world, standby, nth);
    })();
    await Promise.all([...clerks, wholesale]);
    over.abort();
    await mining;
    for (let i = 0; i < 9; i += 1) world.devnet.mine();
    expect(await world.wrongAtTip()).toEqual([]);
    const { rows } = await world.pool.query<{ n: number }>(
      `select count(*)::int as n from incoming_payments where user_id like 'new-user-%'`,
    );
    expect(rows[0]?.n).toBe(300 + BATCHES * 10);
    console.log(`${mined} blocks while ${300 + BATCHES * BATCH} addresses were registered`);
  });
});
