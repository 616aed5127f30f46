import { describe, expect, test } from 'vitest';
import { K, type Paying, payingInTests } from '../../../test/support/paying.js';
import type { DevnetTransaction } from '../../devnet/transaction.js';

let world: Paying;
payingInTests('user', (opened) => {
  world = opened;
});

const events = async (): Promise<string[]> =>
  (
    await world.query<{ type: string }>(
      "select type from outbox where type like 'payout.%' order by id",
    )
  ).map((row) => row.type.replace('payout.', ''));

/** A payout of 20 ada of Ann's 50, in so many blocks. */
const paidBlocksAgo = async (blocks: number): Promise<string> => {
  await world.fund(100);
  await world.give('ann', 50);
  const id = await world.ask(20, 'ann');
  await world.pay();
  await world.mineMany(blocks);
  return id;
};

describe('a rollback', () => {
  test('of what is in a block: the same transaction is submitted again at once', async () => {
    const id = await paidBlocksAgo(1);
    const before = await world.payout(id);
    world.chain.rollBack(1);
    world.chain.mempool.evict();
    await world.mineMany(2, false);
    expect(await world.payout(id)).toMatchObject({
      status: 'submitted',
      turn: 1,
      tx_hash: before.tx_hash,
      batch_id: before.batch_id,
    });
    await world.pay();
    expect(world.submitted).toHaveLength(2);
    expect(world.submitted[1]).toEqual(world.submitted[0]);
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
    expect(await events()).toEqual(['submitted', 'rolled_back', 'confirmed']);
  });

  test('of what was confirmed: what was taken is held again, until it is taken again', async () => {
    const id = await paidBlocksAgo(4);
    const paid = await world.balance('ann');
    expect(paid?.held).toBe(0);
    world.chain.rollBack(4);
    world.chain.mempool.evict();
    await world.mineMany(5, false);
    expect(await world.status(id)).toBe('submitted');
    expect(await world.balance('ann')).toEqual({ available: 29_800_000, held: 20_200_000 });
    await world.pay();
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
    expect(await world.balance('ann')).toEqual(paid);
    expect(await events()).toEqual([
      'submitted',
      'confirmed',
      'rolled_back',
      'submitted',
      'confirmed',
    ]);
    expect(await world.paid(id)).toBe(1);
  });

  test('into a fork that takes it in another block tells of both, and submits nothing', async () => {
    const id = await paidBlocksAgo(3);
    world.chain.rollBack(3);
    await world.mineMany(4);
    await world.pay();
    expect(await world.payout(id)).toMatchObject({ status: 'confirmed', turn: 1 });
    expect(world.submitted).toHaveLength(1);
    expect(await events()).toEqual(['submitted', 'confirmed', 'rolled_back', 'confirmed']);
  });

  test('there and back again comes to the same books', async () => {
    const id = await paidBlocksAgo(3);
    const tip = world.chain.blocks().at(-1)?.id ?? '';
    const balance = await world.balance('ann');
    for (let times = 0; times < 3; times += 1) {
      world.chain.rollBack(3);
      await world.mineMany(1, false);
      expect(await world.status(id)).toBe('submitted');
      world.chain.switchTo(tip);
      await world.follow();
      expect(await world.status(id)).toBe('confirmed');
      expect(await world.balance('ann')).toEqual(balance);
    }
  });
});

test('a payout is confirmed at its depth and not a block before', async () => {
  const id = await paidBlocksAgo(2);
  expect(await world.status(id)).toBe('in_block');
  await world.mine();
  expect(await world.payout(id)).toMatchObject({ status: 'confirmed' });
});

test('an event of its confirmation that was written beforehand keeps no block from being applied', async () => {
  const id = await paidBlocksAgo(2);
  await world.query(
    `insert into outbox (type, event_key, data) values ('payout.confirmed', $1, '{}')`,
    [`payout.confirmed:${id}:0`],
  );
  await world.mine();
  expect(await world.status(id)).toBe('confirmed');
  const noted = await world.query<{ entity_id: string }>(
    "select entity_id from audit_log where action = 'event.told_before'",
  );
  expect(noted).toEqual([{ entity_id: `payout.confirmed:${id}:0` }]);
});

test('a fee beyond the estimate is the treasury’s', async () => {
  await world.fund(100);
  await world.give('ann', 50);
  const id = await world.ask(20, 'ann');
  world.knobs.parameters = { ...world.knobs.parameters, feeConstant: 500_000n };
  await world.pay();
  await world.mineMany(3);
  expect(Number((await world.payout(id)).fee_lovelace)).toBeGreaterThan(500_000);
  expect(await world.balance('ann')).toEqual({ available: 29_800_000, held: 0 });
});

describe('what the chain paid after it had ended', () => {
  /** Refused by nodes until it could land nowhere, so it failed; and then the chain forks deeper than k. */
  const failThenInclude = async (): Promise<string> => {
    await world.fund(100);
    await world.give('ann', 50);
    const id = await world.ask(20, 'ann');
    let kept: DevnetTransaction | undefined;
    world.knobs.fate = ({ cbor }) => {
      world.chain.mempool.submit(cbor);
      [kept] = world.chain.mempool.transactions();
      world.chain.mempool.evict();
      return { type: 'refused', reason: '3122: no' };
    };
    await world.pay();
    await world.mineMany(5 + K + 1, false);
    await world.pay();
    expect(await world.status(id)).toBe('failed');
    expect(await world.balance('ann')).toEqual({ available: 50_000_000, held: 0 });
    world.chain.rollBack(5 + K + 1);
    if (kept === undefined) throw new Error('it was never submitted');
    await world.mine([kept]);
    return id;
  };

  test('is paid and charged, and nothing more is paid until somebody looked', async () => {
    const id = await failThenInclude();
    expect(await world.payout(id)).toMatchObject({ status: 'in_block', turn: 1, booked: true });
    expect(await world.balance('ann')).toEqual({ available: 29_800_000, held: 20_200_000 });
    await world.ask(2);
    expect(await world.pay()).toBe('paused');
    const [told] = await world.query<{ entity_id: string }>(
      "select entity_id from audit_log where action = 'payout.paid_after_end'",
    );
    expect(told?.entity_id).toBe(id);
  });
});
