import { describe, expect, vi } from 'vitest';
import type { PayoutView } from '../../src/payouts/model/payout.js';
import { ask, type PayoutWorld, promise, SOON, test } from './payout-world.js';
import type { WorkerProcess } from './worker-process.js';

/** A transaction that a node lost is submitted again after half a minute. */
const RESUBMITTED = { timeout: 45_000, interval: 100 };

/** Accepted, and in the node's mempool. */
async function submitted(world: PayoutWorld, worker: WorkerProcess, nth: number) {
  const { payout } = await ask(worker, promise(nth));
  await vi.waitFor(() => expect(inMempool(world, nth)).toBe(true), SOON);
  return payout;
}

const inMempool = ({ devnet }: PayoutWorld, nth: number): boolean =>
  devnet.chain.mempool
    .transactions()
    .some(({ outputs }) => outputs.some((one) => one.address === promise(nth).destination));

const mine = ({ devnet }: PayoutWorld, blocks: number): void => {
  for (let i = 0; i < blocks; i += 1) devnet.mine();
};

async function confirm(world: PayoutWorld, { id }: Pick<PayoutView, 'id'>): Promise<void> {
  await world.untilStatus(id, 'submitted');
  mine(world, 1);
  await world.untilStatus(id, 'in_block');
  mine(world, 2);
  await world.untilStatus(id, 'confirmed');
}

const answersOf = async ({ pool }: PayoutWorld): Promise<string[]> => {
  const { rows } = await pool.query<{ last_answer: string | null }>(
    'select last_answer from payout_transactions order by created_at',
  );
  return rows.map((row) => row.last_answer ?? '');
};

describe.concurrent('paid once, with a node', { timeout: 120_000 }, () => {
  test('that takes a transaction and never says so', async ({ open }) => {
    const world = await open();
    const worker = await world.start();
    world.devnet.inject({ kind: 'submitUnanswered', times: 1 });
    const unanswered = await submitted(world, worker, 1);
    // The next one doesn't wait for the answer that never comes.
    const next = await submitted(world, worker, 2);
    await confirm(world, unanswered);
    await world.untilStatus(next.id, 'confirmed');
    await world.expectAllRight([promise(1), promise(2)]);
  });

  test('whose answer is outstanding when the worker is told to end', async ({ open }) => {
    const world = await open();
    const first = await world.start();
    world.devnet.inject({ kind: 'submitUnanswered', times: 1 });
    const payout = await submitted(world, first, 1);
    const askedAt = performance.now();
    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(5_000);
    await world.start();
    await confirm(world, payout);
    await world.expectAllRight([promise(1)]);
  });

  test('that takes a transaction and says that the ledger refuses it', async ({ open }) => {
    const world = await open();
    const worker = await world.start();
    world.devnet.inject({
      kind: 'submitMisreported',
      times: 1,
      code: 3122,
      message: 'The fee is too small.',
      data: {},
    });
    const payout = await submitted(world, worker, 1);
    // At the same tip it would be the same transaction.
    world.devnet.inject({ kind: 'congestion' });
    mine(world, 1);
    // Another attempt is made of it, which spends the same anchor: one of the two can be in a block.
    await vi.waitFor(async () => expect(await answersOf(world)).toHaveLength(2), SOON);
    const [first] = world.devnet.chain.mempool.transactions();
    world.devnet.heal();
    mine(world, 1);
    const { tx_hash: txHash } = await world.untilStatus(payout.id, 'in_block');
    expect(txHash).toBe(first?.id);
    mine(world, 2);
    await world.untilStatus(payout.id, 'confirmed');
    await world.expectAllRight([promise(1)]);
  });

  test('that forgets transactions at once, or later', async ({ open }) => {
    const world = await open();
    const worker = await world.start();
    world.devnet.inject({ kind: 'submitForgotten', times: 1 });
    const { payout: forgotten } = await ask(worker, promise(1));
    await world.untilStatus(forgotten.id, 'submitted');
    await vi.waitFor(async () => expect(await answersOf(world)).toEqual(['accepted']), SOON);
    await submitted(world, worker, 2);
    expect(world.devnet.evict()).toHaveLength(1);
    await vi.waitFor(() => {
      expect([inMempool(world, 1), inMempool(world, 2)]).toEqual([true, true]);
    }, RESUBMITTED);
    await confirm(world, forgotten);
    expect(await answersOf(world)).toHaveLength(2);
    await world.expectAllRight([promise(1), promise(2)]);
  });

  test('whose blocks have no room until the transaction has expired', async ({ open }) => {
    const world = await open({ environment: { PAYOUT_VALIDITY_SECONDS: '60' } });
    const worker = await world.start();
    world.devnet.inject({ kind: 'congestion' });
    const payout = await submitted(world, worker, 1);
    const { tx_hash: expired } = await world.untilStatus(payout.id, 'submitted');
    // Slots pass with blocks here, and a block is 20 of them on average.
    for (let blocks = 0; inMempool(world, 1) && blocks < 60; blocks += 1) mine(world, 1);
    await vi.waitFor(
      async () => expect(await world.payout(payout.id)).not.toMatchObject({ tx_hash: expired }),
      SOON,
    );
    await vi.waitFor(() => expect(inMempool(world, 1)).toBe(true), SOON);
    world.devnet.heal();
    await confirm(world, payout);
    const { rows } = await world.pool.query(
      'select 1 from payout_transaction_inputs i join payout_batches b' +
        ' on b.anchor_tx_hash = i.input_tx_hash and b.anchor_index = i.input_index',
    );
    expect(rows).toHaveLength(2);
    await world.expectAllRight([promise(1)]);
  });

  test('that switches to forks which never had the transaction', async ({ open }) => {
    const world = await open({ users: 1 });
    const worker = await world.start();
    await vi.waitFor(async () => expect(await world.deposited()).toBe(1), SOON);
    const promised = promise(1, 'user-0');
    const { payout } = await ask(worker, promised);
    await vi.waitFor(() => expect(inMempool(world, 1)).toBe(true), SOON);
    mine(world, 1);
    const { tx_hash: txHash } = await world.untilStatus(payout.id, 'in_block');
    world.devnet.fork(1, { comeBack: 'none' });
    await world.untilStatus(payout.id, 'submitted');
    await vi.waitFor(() => expect(inMempool(world, 1)).toBe(true), SOON);
    await confirm(world, payout);
    world.devnet.fork(4, { comeBack: 'none' });
    await world.untilStatus(payout.id, 'submitted');
    await vi.waitFor(() => expect(inMempool(world, 1)).toBe(true), SOON);
    await confirm(world, payout);
    expect(await world.payout(payout.id)).toMatchObject({ tx_hash: txHash });
    const { rows } = await world.pool.query<{ type: string }>(
      "select type from outbox where type like 'payout.%' order by id",
    );
    expect(rows.map((row) => row.type)).toEqual([
      'payout.submitted',
      'payout.rolled_back',
      'payout.confirmed',
      'payout.rolled_back',
      'payout.confirmed',
    ]);
    await world.expectAllRight([promised]);
  });
});
