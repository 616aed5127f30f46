import type { Pool } from 'pg';
import { describe, expect, vi } from 'vitest';
import { type Books, readBooks } from '../simulation/books.js';
import { addressAt, test } from './world.js';

const REVERSED = `
  select count(*)::int as n from balance_transactions
   where bucket = 'available' and type = 'debit' and reason like '%rolled_back%'`;

// Several tests at a time: only `vi.waitFor` waits without asking which of them is meant.
const SOON = { timeout: 20_000, interval: 200 };

/** The books once the past of every address is known: from then on a quiet chain changes nothing. */
const untilBackfilled = (pool: Pool): Promise<Books> =>
  vi.waitFor(async () => {
    const books = await readBooks(pool);
    expect(books.addresses.filter((one) => one.backfilled_height === null)).toEqual([]);
    return books;
  }, SOON);

describe.concurrent('a fork', { timeout: 60_000 }, () => {
  test('while no worker ran, past confirmed payments, is undone by entries and followed', async ({
    open,
  }) => {
    const world = await open({ devnet: { blocks: 60 } });
    const first = await world.start();
    expect(await world.wrongAtTip()).toEqual([]);
    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);
    world.devnet.fork(25, { comeBack: 'none' });
    const second = await world.start();
    expect(await world.wrongAtTip()).toEqual([]);
    const { blocks_rolled_back: blocks, affected_payments: payments } =
      await second.until('rollback');
    expect(blocks).toBe(25);
    expect(Number(payments)).toBeGreaterThan(0);
    const { rows } = await world.pool.query<{ n: number }>(REVERSED);
    expect(rows[0]?.n).toBeGreaterThan(0);
  });

  test('from below where a database started is followed while connected', async ({ open }) => {
    const world = await open({ devnet: { blocks: 20 } });
    const worker = await world.start({ START_POINT: 'tip' });
    await worker.until('intersection_found');
    for (let i = 0; i < 8; i += 1) {
      world.devnet.payNow({ address: addressAt(1 + i), lovelace: 7_000_000n });
    }
    expect(await world.wrongAtTip()).toEqual([]);
    const before = await readBooks(world.pool);
    expect(before.payments.filter((payment) => payment.status === 'confirmed')).not.toEqual([]);
    world.devnet.fork(15);
    expect(await world.wrongAtTip()).toEqual([]);
    await worker.until('rollback');
    const after = await readBooks(world.pool);
    expect(after.entries).toMatchObject(before.entries);
    expect(after.payments.length).toBeGreaterThanOrEqual(before.payments.length);
  });

  test('deeper than any honest node makes is refused, and nothing changes', async ({ open }) => {
    const world = await open({
      devnet: { blocks: 2_250, content: { transactions: { least: 0, most: 1 } } },
    });
    const worker = await world.start();
    const tip = world.devnet.chain.blocks().at(-1)?.id;
    await vi.waitFor(async () => expect(await world.cursor()).toBe(tip), SOON);
    await worker.untilReadiness('ready');
    const before = await untilBackfilled(world.pool);
    expect(before.blocks.length).toBeGreaterThan(2_160);
    world.devnet.fork(2_250);
    await worker.untilReadiness('intersection_lost');
    const { msg } = await worker.until('intersection_lost');
    expect(msg).toContain('the node rolled back to origin, further than k = 2160 blocks');
    expect(await readBooks(world.pool)).toEqual(before);
  });
});
