import { describe, expect, test } from 'vitest';
import { K, type Paying, payingInTests, RESUBMIT_MS } from '../../../test/support/paying.js';
import { resumePayouts } from '../accepting/pause.js';

const ADA = 1_000_000n;
/** Past any rest between attempts. */
const LONG_MS = 700_000;

let world: Paying;
payingInTests('treasury', (opened) => {
  world = opened;
});

const resume = () => resumePayouts(world.pool, 'operator:test');
/** Somebody else has the key. */
const steal = (reference: string) =>
  world.mine(
    [{ spend: [reference], pay: [{ address: world.chain.faucet, lovelace: ADA }] }],
    false,
  );

describe('somebody else who has the key', () => {
  test('and spends another input than the anchor: another attempt with the same anchor', async () => {
    await world.fund(30, 30, 30);
    const id = await world.ask(45);
    await world.pay();
    const [first = ''] = await world.attempts(id);
    const [anchor = ''] = await world.anchors();
    const [taken = ''] = (await world.inputsOf(first)).filter((one) => one !== anchor);
    world.chain.mempool.evict();
    await steal(taken);
    expect(await world.pay()).toBe('paused');
    await resume();
    world.knobs.aheadMs = LONG_MS;
    await world.pay();
    const [, second = ''] = await world.attempts(id);
    expect(await world.inputsOf(second)).toContain(anchor);
    expect(await world.inputsOf(second)).not.toContain(taken);
    await world.mineMany(3);
    expect(await world.payout(id)).toMatchObject({ status: 'confirmed', tx_hash: second });
    // What only the first one would have spent is free again; what the second spent isn't.
    const reserved = await world.query<{ r: string }>(
      `select tx_hash || '#' || output_index as r from wallet_reservations order by 1`,
    );
    expect(reserved.map((row) => row.r)).toEqual(await world.inputsOf(second));
  });

  test('and spends the anchor: the payout waits for k blocks, then it is paid from another one, once', async () => {
    await world.fund(50, 60);
    const id = await world.ask(20);
    await world.pay();
    const [anchor = ''] = await world.anchors();
    world.chain.mempool.evict();
    await steal(anchor);
    await resume();
    world.knobs.aheadMs = LONG_MS;
    for (let depth = 1; depth <= K; depth += 1) {
      await world.pay();
      const row = await world.payout(id);
      expect([depth, row.status, row.batch_id === null]).toEqual([depth, 'queued', false]);
      expect(await world.attempts(id)).toHaveLength(1);
      await world.mine();
    }
    await world.pay();
    expect(await world.attempts(id)).toHaveLength(2);
    const [, another] = await world.anchors();
    expect(another).not.toBe(anchor);
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
    expect(await world.paid(id)).toBe(1);
    const [batch] = await world.query<{ release_reason: string }>(
      'select release_reason from payout_batches order by id',
    );
    expect(batch?.release_reason).toBe('can no longer be in a block');
  });

  test('and whose block is rolled back: the first attempt is submitted as it was', async () => {
    await world.fund(50, 60);
    const id = await world.ask(20);
    await world.pay();
    const [anchor = ''] = await world.anchors();
    world.chain.mempool.evict();
    await steal(anchor);
    await resume();
    await world.pay();
    expect(await world.status(id)).toBe('queued');
    world.chain.rollBack(1);
    world.chain.forgetOrphans();
    await world.mineMany(2);
    world.knobs.aheadMs = RESUBMIT_MS + 1_000;
    await world.pay();
    expect(world.submitted).toHaveLength(2);
    expect(world.submitted[1]).toEqual(world.submitted[0]);
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
    expect(await world.attempts(id)).toHaveLength(1);
  });
});
