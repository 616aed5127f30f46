import { describe, expect, test } from 'vitest';
import { K, type Paying, payingInTests, VALIDITY_SECONDS } from '../../../test/support/paying.js';
import { pausePayouts, requestFence, resumePayouts } from '../accepting/pause.js';

let world: Paying;
payingInTests('treasury', (opened) => {
  world = opened;
});

type Control = {
  readonly held: boolean;
  readonly hold_reason: string | null;
  readonly hold_until_slot: number | null;
  readonly memory_gap: number;
  readonly fence_generation: number;
  readonly requested: boolean;
};
const control = async (): Promise<Control> => {
  const [row] = await world.query<Control>(
    `select held_at is not null as held, hold_reason, hold_until_slot::float8, memory_gap,
            fence_generation, fence_requested_at is not null as requested from payout_control`,
  );
  if (row === undefined) throw new Error('no control');
  return row;
};
const slotNow = (): number => (world.chain.tip === 'origin' ? 0 : world.chain.tip.slot);
const ended = () =>
  world.events.flatMap((event) => (event.type === 'hold_ended' ? [event.how] : []));
/** Pays once, so that there is a past; then the database becomes another one. */
const becomeAnother = async (): Promise<void> => {
  await world.fund(60, 60);
  await world.ask(5);
  await world.pay();
  await world.mineMany(3);
  world.knobs.generation += 1;
};
const fencesOf = (generation: number) =>
  world.query<{ tx_hash: string; block_height: number | null }>(
    `select t.tx_hash, t.block_height from payout_transactions t
       join payout_batches b on b.id = t.batch_id where b.kind = 'fence' and b.generation = $1`,
    [generation],
  );
const requestedFence = () => requestFence(world.pool, 'operator:test');

describe('a database that is another than the one that paid last', () => {
  test('is noted where none ever paid, and holds nothing', async () => {
    await world.fund(60);
    world.knobs.generation = 7;
    const id = await world.ask(5);
    await world.pay();
    expect(await control()).toMatchObject({ held: false, memory_gap: 0 });
    expect(await world.status(id)).toBe('submitted');
  });

  test('signs and submits nothing until all that was signed before is void by k blocks', async () => {
    await becomeAnother();
    const id = await world.ask(6);
    const before = world.submitted.length;
    const bound = slotNow() + VALIDITY_SECONDS;
    expect(await world.pay()).toBe('held');
    expect(await control()).toMatchObject({ held: true, hold_until_slot: bound, memory_gap: 1 });
    expect((await control()).hold_reason).toContain('generation');
    // The bound's block is five away, and k more must lie on it.
    for (let block = 0; block < VALIDITY_SECONDS / 20 + K - 1; block += 1) {
      await world.mine();
      expect(await world.pay()).toBe('held');
      expect((await control()).hold_until_slot).toBe(bound);
    }
    expect(await world.attempts(id)).toEqual([]);
    await world.mine();
    await world.pay();
    expect(ended()).toEqual(['time']);
    expect(await control()).toMatchObject({ held: false, hold_until_slot: null });
    await world.pay();
    expect(world.submitted).toHaveLength(before + 1);
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
  });

  test('holds anew, from a later bound, where it becomes another one once more', async () => {
    await becomeAnother();
    await world.pay();
    const bound = (await control()).hold_until_slot;
    await world.mineMany(4);
    world.knobs.generation += 1;
    await world.pay();
    expect(await control()).toMatchObject({ held: true, memory_gap: 2 });
    expect((await control()).hold_until_slot).toBe((bound ?? 0) + 4 * 20);
  });

  test('is recognised at the very signature where it changed after the round began', async () => {
    await becomeAnother();
    world.knobs.generation -= 1;
    const id = await world.ask(6);
    world.knobs.beforeSigning = () => {
      world.knobs.generation += 1;
    };
    await expect(world.pay()).rejects.toThrow('held');
    expect(await world.attempts(id)).toEqual([]);
    world.knobs.beforeSigning = () => undefined;
    expect(await world.pay()).toBe('held');
  });

  test('computes no bound from a node that lags', async () => {
    await becomeAnother();
    world.knobs.lag = 'it is syncing';
    expect(await world.pay()).toBe('held');
    expect(await control()).toMatchObject({ held: true, hold_until_slot: null });
    world.knobs.lag = null;
    await world.pay();
    expect((await control()).hold_until_slot).toBe(slotNow() + VALIDITY_SECONDS);
  });

  test('goes on waiting where the chain told of more that was forgotten meanwhile', async () => {
    await becomeAnother();
    await world.pay();
    await world.mineMany(VALIDITY_SECONDS / 20 + K);
    const { node } = world.deps();
    world.knobs.deps = {
      node: {
        ...node,
        // After the round read the control: what adopting does in a block's transaction.
        look: async (signal) => {
          await world.query('update payout_control set memory_gap = memory_gap + 1');
          return node.look(signal);
        },
      },
    };
    expect(await world.pay()).toBe('held');
    expect(ended()).toEqual([]);
    expect((await control()).held).toBe(true);
  });
});

describe('a fence', () => {
  test('holds, spends every output of the wallet, and ends the hold when it is deep enough', async () => {
    await becomeAnother();
    const id = await world.ask(6);
    await world.pay();
    await requestedFence();
    await world.pay();
    const [fence] = await fencesOf(1);
    expect(world.events.at(-2)?.type).toBe('submission_answered');
    const unspent = await world.query('select 1 from wallet_outputs where spent_by is null');
    const inputs = await world.query('select 1 from payout_transaction_inputs where tx_hash = $1', [
      fence?.tx_hash,
    ]);
    expect(inputs).toHaveLength(unspent.length);
    expect(unspent.length).toBeGreaterThan(1);
    await world.mineMany(2);
    expect(await world.pay()).toBe('held');
    expect(ended()).toEqual([]);
    expect(await world.attempts(id)).toEqual([]);
    await world.mine();
    await world.pay();
    expect(ended()).toEqual(['fence']);
    expect(await control()).toMatchObject({ held: false, requested: false, hold_reason: null });
    await world.pay();
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
  });

  test('may be asked for without a hold, and makes one', async () => {
    await world.fund(60);
    await world.ask(5);
    await world.pay();
    await world.mineMany(3);
    await requestedFence();
    await world.pay();
    expect(await control()).toMatchObject({ held: true, hold_reason: 'a fence was asked for' });
    await world.pay();
    await world.mineMany(3);
    await world.pay();
    expect(ended()).toEqual(['fence']);
  });

  test('frees what was signed before, which can land nowhere any more: it is paid once', async () => {
    await world.fund(60, 60);
    const id = await world.ask(5);
    await world.pay();
    const [lost] = world.chain.mempool.transactions();
    world.chain.mempool.evict();
    await requestedFence();
    await world.pay();
    await world.pay();
    await world.mineMany(3);
    await world.pay();
    expect(await world.payout(id)).toMatchObject({ status: 'queued', batch_id: null });
    await expect(world.mine(lost === undefined ? [] : [lost])).rejects.toThrow();
    await world.pay();
    await world.mineMany(3);
    const attempts = await world.attempts(id);
    expect(attempts).toHaveLength(2);
    expect(attempts[0]).toBe(lost?.id);
    expect(await world.payout(id)).toMatchObject({ status: 'confirmed', tx_hash: attempts[1] });
    expect(await world.paid(id)).toBe(1);
  });

  test('leaves what landed before it as it is', async () => {
    await world.fund(60, 60);
    const id = await world.ask(5);
    await world.pay();
    await requestedFence();
    await world.pay();
    world.knobs.fate = () => ({ type: 'look_at_chain', reason: 'an input is gone' });
    await world.pay();
    await world.mine();
    expect(await world.status(id)).toBe('in_block');
    world.knobs.fate = () => null;
    // The fence lost an input to the payout, so it is planned anew.
    await world.pay();
    expect((await control()).fence_generation).toBe(2);
    await world.mineMany(3);
    await world.pay();
    expect(ended()).toEqual(['fence']);
    expect(await world.status(id)).toBe('confirmed');
    expect(await world.attempts(id)).toHaveLength(1);
  });

  test('isn’t kept where the wallet got another output before it was signed', async () => {
    await becomeAnother();
    await requestedFence();
    let isFirst = true;
    world.knobs.beforeSigning = async () => {
      if (isFirst) await world.fund(60);
      isFirst = false;
    };
    expect(await world.pay()).toBe('held');
    expect(await fencesOf(1)).toEqual([]);
    await world.pay();
    const [fence] = await fencesOf(1);
    const unspent = await world.query('select 1 from wallet_outputs where spent_by is null');
    expect(await world.inputsOf(fence?.tx_hash ?? '')).toHaveLength(unspent.length);
  });

  test('that expired is planned anew', async () => {
    await becomeAnother();
    await requestedFence();
    await world.pay();
    world.chain.mempool.evict();
    await world.mineMany(VALIDITY_SECONDS / 20, false);
    await world.pay();
    expect((await control()).fence_generation).toBe(2);
    await world.mineMany(3);
    await world.pay();
    expect(ended()).toEqual(['fence']);
  });

  test('is submitted again as it is while no block took it', async () => {
    await becomeAnother();
    await requestedFence();
    await world.pay();
    const [fence] = await fencesOf(1);
    world.chain.mempool.evict();
    await world.mine();
    world.knobs.aheadMs = 61_000;
    await world.pay();
    const times = world.submitted.filter((one) => one.txHash === fence?.tx_hash);
    expect(times).toHaveLength(2);
    expect(times[1]).toEqual(times[0]);
  });

  test('doesn’t end a hold over what was adopted since it was planned', async () => {
    await becomeAnother();
    await requestedFence();
    await world.pay();
    await world.mine();
    await world.query('update payout_control set memory_gap = memory_gap + 1');
    await world.mineMany(2);
    await world.pay();
    expect(ended()).toEqual([]);
    expect((await control()).fence_generation).toBe(2);
    await world.mineMany(3);
    await world.pay();
    expect(ended()).toEqual(['fence']);
  });

  test('isn’t signed while payouts are paused', async () => {
    await becomeAnother();
    await requestedFence();
    await pausePayouts(world.pool, 'operator:test', null);
    expect(await world.pay()).toBe('paused');
    expect(await fencesOf(1)).toEqual([]);
    await resumePayouts(world.pool, 'operator:test');
    await world.pay();
    expect(await fencesOf(1)).toHaveLength(1);
  });
});
