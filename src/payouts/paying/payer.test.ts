import { describe, expect, test } from 'vitest';
import { type Paying, payingInTests, RESUBMIT_MS } from '../../../test/support/paying.js';
import { USUAL_PARAMETERS } from '../../chain/protocol-parameters.js';
import { pausePayouts, resumePayouts } from '../accepting/pause.js';
import { readParameters } from '../model/stored-parameters.js';
import { NotNow } from './term-queries.js';

let world: Paying;
payingInTests('user', (opened) => {
  world = opened;
});

describe('a round of paying', () => {
  test('takes a payout from queued to confirmed, and its money with it', async () => {
    await world.fund(100);
    await world.give('ann', 50);
    const id = await world.ask(20, 'ann');
    expect(await world.balance('ann')).toEqual({ available: 29_800_000, held: 20_200_000 });
    expect(await world.pay()).toBeNull();
    const submitted = await world.payout(id);
    expect(submitted).toMatchObject({ status: 'submitted', tx_hash: world.submitted[0]?.txHash });
    await world.mine();
    expect(await world.status(id)).toBe('in_block');
    await world.mine();
    expect(await world.status(id)).toBe('in_block');
    await world.mine();
    expect(await world.status(id)).toBe('confirmed');
    const left = 30_000_000 - Number(submitted.fee_lovelace);
    expect(await world.balance('ann')).toEqual({ available: left, held: 0 });
    expect(await world.paid(id)).toBe(1);
    expect(world.submitted).toHaveLength(1);
    const told = await world.query(
      "select type from outbox where type like 'payout.%' order by id",
    );
    expect(told).toEqual([{ type: 'payout.submitted' }, { type: 'payout.confirmed' }]);
  });

  test('pays many in as few transactions as the batch allows, first come first served', async () => {
    await world.fund(100, 100);
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1) ids.push(await world.ask(2 + i));
    await world.pay();
    const hashes = await Promise.all(ids.map(async (id) => (await world.payout(id)).tx_hash));
    expect(new Set(hashes.slice(0, 5)).size).toBe(1);
    expect(new Set(hashes.slice(5)).size).toBe(1);
    expect(new Set(hashes).size).toBe(2);
    await world.mineMany(3);
    for (const id of ids) expect(await world.paid(id)).toBe(1);
    const [sum] = await world.query<{ paid: string; shared: string }>(
      `select (select sum(fee_lovelace) from payout_transactions) as paid,
              (select sum(fee_lovelace) from outbound_payments) as shared`,
    );
    expect(sum?.paid).toBe(sum?.shared);
  });

  test('waits for others to join, but not longer than it was told', async () => {
    await world.fund(100);
    world.knobs.deps = { batch: { payoutsMax: 5, waitMs: 30_000 } };
    const first = await world.ask(2);
    expect(await world.pay()).toBeNull();
    expect(await world.status(first)).toBe('queued');
    const second = await world.ask(2);
    world.knobs.aheadMs = 30_000;
    await world.pay();
    const [one, two] = [await world.payout(first), await world.payout(second)];
    expect(one.tx_hash).not.toBeNull();
    expect(two.tx_hash).toBe(one.tx_hash);
  });

  test('notes the protocol parameters for those who have no node', async () => {
    const read = () =>
      world.query<{ p: unknown }>('select protocol_parameters as p from payout_control');
    await world.fund(100);
    await world.ask(2);
    world.knobs.parameters = { ...USUAL_PARAMETERS, feePerByte: 45n };
    await world.pay();
    expect(readParameters((await read())[0]?.p)).toEqual(world.knobs.parameters);
  });

  test('leaves the node alone while there is nothing to pay', async () => {
    await world.fund(100);
    await world.ask(2);
    await world.pay();
    await world.mineMany(3);
    world.knobs.unreachable = true;
    expect(await world.pay()).toBeNull();
    await world.ask(2);
    expect(await world.pay()).toBe('node_unreachable');
  });
});

describe('nothing is signed', () => {
  test.each([
    ['before any block was followed', 'no_blocks', () => Promise.resolve()],
    [
      'while the node doesn’t answer',
      'node_unreachable',
      async () => {
        await world.fund(100);
        world.knobs.unreachable = true;
      },
    ],
    [
      'while the node says that it lags',
      'node_lags',
      async () => {
        await world.fund(100);
        world.knobs.lag = 'it is syncing';
      },
    ],
    [
      'while the books are far behind the node',
      'node_lags',
      async () => {
        await world.fund(100);
        for (let i = 0; i < 6; i += 1) world.chain.mine();
      },
    ],
    [
      'while payouts are paused',
      'paused',
      async () => {
        await world.fund(100);
        await pausePayouts(world.pool, 'operator:test', 'a drill');
      },
    ],
  ])('%s', async (_, why, arrange) => {
    const id = await world.ask(2);
    await arrange();
    expect(await world.pay()).toBe(why);
    expect(await world.status(id)).toBe('queued');
    expect(await world.attempts(id)).toEqual([]);
    expect(world.submitted).toEqual([]);
  });
});

const RESERVE_FOR_ANOTHER = `
  with batch as (
    insert into payout_batches (kind, anchor_tx_hash, anchor_index)
    values ('tidy', repeat('a', 64), 0) returning id),
  spending as (
    insert into payout_transactions (tx_hash, batch_id, fee_lovelace) select repeat('b', 64), id, 0 from batch
    returning tx_hash),
  input as (
    insert into payout_transaction_inputs (tx_hash, input_tx_hash, input_index)
    select tx_hash, split_part($1, '#', 1), split_part($1, '#', 2)::int from spending)
  insert into wallet_reservations (tx_hash, output_index, batch_id)
  select split_part($1, '#', 1), split_part($1, '#', 2)::int, id from batch`;

describe('in the middle of a round', () => {
  /** What takes the right to pay away, and what gives it back. */
  const TAKINGS: readonly [string, () => Promise<unknown>, () => Promise<unknown>][] = [
    [
      'a pause',
      () => pausePayouts(world.pool, 'operator:test', null),
      () => resumePayouts(world.pool, 'operator:test'),
    ],
    [
      'a hold',
      () => world.query('update payout_control set held_at = now()'),
      () => world.query('update payout_control set held_at = null'),
    ],
    [
      'a chain that may not last',
      () => world.query('insert into chain_guard (partition_id, held_at) values (0, now())'),
      () => world.query('delete from chain_guard'),
    ],
    ['another payer', () => world.takeOver(), () => Promise.resolve()],
  ];
  const once = (act: () => Promise<unknown>) => {
    let left = 1;
    return async () => {
      left -= 1;
      if (left === 0) await act();
    };
  };

  test.each(TAKINGS)('%s lets no signature be kept', async (_, take, giveBack) => {
    await world.fund(100);
    const id = await world.ask(2);
    world.knobs.beforeSigning = once(take);
    await expect(world.pay()).rejects.toBeInstanceOf(NotNow);
    expect(await world.attempts(id)).toEqual([]);
    expect(await world.status(id)).toBe('queued');
    expect(await world.query('select * from wallet_reservations')).toEqual([]);
    await giveBack();
    await world.pay();
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
  });

  test.each(TAKINGS)('%s lets nothing signed be submitted', async (_, take, giveBack) => {
    await world.fund(100);
    const id = await world.ask(2);
    world.knobs.beforeSubmitting = once(take);
    await expect(world.pay()).rejects.toBeInstanceOf(NotNow);
    const signed = await world.attempts(id);
    expect(signed).toHaveLength(1);
    expect(await world.status(id)).toBe('submitted');
    expect(world.submitted).toEqual([]);
    await giveBack();
    await world.pay();
    expect(world.submitted.map((one) => one.txHash)).toEqual(signed);
  });

  test('another batch that takes an input makes the plan void, and keeps it', async () => {
    await world.fund(50);
    const id = await world.ask(2);
    world.knobs.beforeSigning = async ({ inputs }) => {
      await world.query(RESERVE_FOR_ANOTHER, [inputs[0]?.reference]);
    };
    expect(await world.pay()).toBe('too_little_funds');
    expect(await world.attempts(id)).toEqual([]);
    expect(world.submitted).toEqual([]);
    const owners = await world.query(
      'select b.kind from wallet_reservations r join payout_batches b on b.id = r.batch_id',
    );
    expect(owners).toEqual([{ kind: 'tidy' }]);
  });

  test('a cancellation makes the plan void: nothing that was signed for it is kept', async () => {
    await world.fund(50);
    const ids = [await world.ask(2), await world.ask(3)];
    world.knobs.beforeSigning = once(() =>
      world.query("update outbound_payments set status = 'cancelled' where id = $1", [ids[0]]),
    );
    await world.pay();
    expect(await Promise.all(ids.map((id) => world.status(id)))).toEqual([
      'cancelled',
      'submitted',
    ]);
    expect(await world.attempts(ids[0] ?? '')).toEqual([]);
    await world.mineMany(3);
    expect(await world.paid(ids[0] ?? '')).toBe(0);
    expect(await world.paid(ids[1] ?? '')).toBe(1);
  });

  test('a block that takes an input away makes the plan void, and the next one is another', async () => {
    await world.fund(50);
    const id = await world.ask(2);
    const [input] = world.chain.unspentAt(tipOf(), [world.wallet]).keys();
    const spend = [input ?? ''];
    world.knobs.beforeSigning = once(async () => {
      await world.mine([{ spend, pay: [{ address: world.wallet, lovelace: 40_000_000n }] }]);
      await resumePayouts(world.pool, 'operator:test');
    });
    await world.pay();
    await world.pay();
    const [signed] = await world.attempts(id);
    expect(await world.attempts(id)).toHaveLength(1);
    expect(world.submitted.map((one) => one.txHash)).toEqual([signed]);
    await world.mineMany(3);
    expect(await world.paid(id)).toBe(1);
  });
});

test('what stands in no block is submitted again as it is, but not before its time', async () => {
  await world.fund(100);
  const id = await world.ask(2);
  await world.pay();
  world.chain.mempool.evict();
  await world.mine();
  await world.pay();
  expect(world.submitted).toHaveLength(1);
  world.knobs.aheadMs = RESUBMIT_MS + 1_000;
  await world.pay();
  expect(world.submitted).toHaveLength(2);
  expect(world.submitted[1]).toEqual(world.submitted[0]);
  await world.mineMany(3);
  expect(await world.status(id)).toBe('confirmed');
});

const tipOf = (): string => {
  const { tip } = world.chain;
  return tip === 'origin' ? tip : tip.id;
};
