import { describe, expect, test } from 'vitest';
import { type Paying, payingInTests } from '../../../test/support/paying.js';
import { USUAL_PARAMETERS } from '../../chain/protocol-parameters.js';
import { SigningRefused } from '../signing/signer.js';
import type { UnsignedTransaction } from '../transaction/transaction.js';

let world: Paying;
payingInTests('user', (opened) => {
  world = opened;
});

const pays = ({ payees }: UnsignedTransaction, ids: readonly string[]): boolean =>
  payees.some(({ payoutId }) => ids.includes(payoutId));
const statuses = (ids: readonly string[]) => Promise.all(ids.map((id) => world.status(id)));

describe('too little in the hot wallet', () => {
  test('lets a payout wait until there is enough', async () => {
    await world.fund(20);
    const id = await world.ask(50);
    expect(await world.pay()).toBe('too_little_funds');
    expect(await world.status(id)).toBe('queued');
    // Also while it isn't its turn: it waits all the same, and whoever asks is told why.
    expect(await world.pay()).toBe('too_little_funds');
    await world.fund(40);
    // It is asked for again after a while, not in every round.
    world.knobs.aheadMs += 15_000;
    expect(await world.pay()).toBeNull();
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
  });

  test('doesn’t hold up small payouts behind a large one', async () => {
    await world.fund(20);
    const ids = [await world.ask(50), await world.ask(4), await world.ask(5)];
    expect(await world.pay()).toBe('too_little_funds');
    expect(await statuses(ids)).toEqual(['queued', 'submitted', 'submitted']);
    await world.mineMany(3);
    await world.fund(60);
    world.knobs.aheadMs += 15_000;
    expect(await world.pay()).toBeNull();
    await world.mineMany(3);
    expect(await statuses(ids)).toEqual(['confirmed', 'confirmed', 'confirmed']);
  });

  test('pays those it suffices for, in their order', async () => {
    await world.fund(20);
    const ids = [await world.ask(8), await world.ask(8), await world.ask(8)];
    await world.pay();
    expect(await statuses(ids)).toEqual(['submitted', 'submitted', 'queued']);
  });
});

test('an amount below what the output needs fails, and its hold is released', async () => {
  await world.fund(100);
  await world.give('ann', 10);
  const small = await world.ask(1, 'ann');
  const large = await world.ask(5, 'ann');
  // Dearer since it was accepted.
  world.knobs.parameters = { ...USUAL_PARAMETERS, utxoCostPerByte: 10_000n };
  await world.pay();
  expect(await world.payout(small)).toMatchObject({ status: 'failed', booked: false });
  expect((await world.payout(small)).failure_reason).toMatch(/below the \d+ lovelace/);
  expect(await world.balance('ann')).toEqual({ available: 4_800_000, held: 5_200_000 });
  expect(await world.status(large)).toBe('submitted');
  const told = await world.query<{ type: string }>(
    `select type from outbox where data->>'id' = $1`,
    [small],
  );
  expect(told).toEqual([{ type: 'payout.failed' }]);
});

describe('what the signer refuses', () => {
  test('together is asked for in halves, and only what is refused alone stays behind', async () => {
    await world.fund(100, 100, 100);
    const ids = [await world.ask(5), await world.ask(6), await world.ask(7)];
    const bad = ids.slice(1, 2);
    world.knobs.beforeSigning = (transaction) => {
      if (pays(transaction, bad)) throw new SigningRefused('not to that address');
    };
    expect(await world.pay()).toBe('signer_refused');
    expect(await statuses(ids)).toEqual(['submitted', 'queued', 'submitted']);
    const later = await world.ask(8);
    await world.pay();
    expect(await statuses([...ids, later])).toEqual([
      'submitted',
      'queued',
      'submitted',
      'submitted',
    ]);
    await world.mineMany(3);
    bad.length = 0;
    world.knobs.aheadMs += 60_000;
    await world.pay();
    await world.mineMany(3);
    expect(await statuses(ids)).toEqual(['confirmed', 'confirmed', 'confirmed']);
  });

  test('isn’t what it gives no answer to: everything waits for that', async () => {
    await world.fund(100);
    const ids = [await world.ask(5), await world.ask(6)];
    world.knobs.beforeSigning = () => {
      throw new Error('no answer in 10 s');
    };
    expect(await world.pay()).toBe('signer_unreachable');
    const rows = await Promise.all(ids.map((id) => world.payout(id)));
    expect(rows.map((row) => row.alone)).toEqual([false, false]);
    world.knobs.beforeSigning = () => undefined;
    await world.pay();
    expect(await statuses(ids)).toEqual(['submitted', 'submitted']);
  });
});

describe('change of what is in no block', () => {
  const threeInARow = async (unconfirmedMax: number): Promise<string[]> => {
    await world.fund(100);
    world.knobs.deps = { unconfirmedMax, batch: { payoutsMax: 1, waitMs: 0 } };
    const ids = [await world.ask(20), await world.ask(20), await world.ask(20)];
    await world.pay();
    return statuses(ids);
  };

  test('isn’t spent where that isn’t allowed', async () => {
    expect(await threeInARow(0)).toEqual(['submitted', 'queued', 'queued']);
  });

  test('is spent by as many transactions in a row as are allowed', async () => {
    expect(await threeInARow(1)).toEqual(['submitted', 'submitted', 'queued']);
    const depths = await world.query('select chain_depth as d from payout_transactions order by 1');
    expect(depths).toEqual([{ d: 0 }, { d: 1 }]);
  });

  test('is all of it in one block in the end', async () => {
    expect(await threeInARow(2)).toEqual(['submitted', 'submitted', 'submitted']);
    const block = await world.mine();
    expect(block.transactions).toHaveLength(3);
    await world.mineMany(2);
    expect(await world.query('select distinct status from outbound_payments')).toEqual([
      { status: 'confirmed' },
    ]);
  });

  test('isn’t spent once its transaction was refused or has expired', async () => {
    await world.fund(100);
    world.knobs.deps = { unconfirmedMax: 2 };
    const first = await world.ask(20);
    world.knobs.fate = () => ({ type: 'refused', reason: '3122: no' });
    await world.pay();
    const second = await world.ask(20);
    expect(await world.pay()).toBe('too_little_funds');
    expect(await statuses([first, second])).toEqual(['queued', 'queued']);
    expect(await world.attempts(second)).toEqual([]);
  });
});

describe('reserved outputs', () => {
  const reserved = () =>
    world.query<{ tx_hash: string }>('select tx_hash from wallet_reservations order by 1');

  test('are nobody else’s while a batch is on its way', async () => {
    await world.fund(30, 30);
    const ids = [await world.ask(25)];
    await world.pay();
    ids.push(await world.ask(25));
    await world.pay();
    const inputs = await world.query(
      'select input_tx_hash, input_index from payout_transaction_inputs group by 1, 2',
    );
    expect(inputs).toHaveLength(2);
    expect(await reserved()).toHaveLength(2);
    ids.push(await world.ask(1));
    expect(await world.pay()).toBe('too_little_funds');
    expect(await statuses(ids)).toEqual(['submitted', 'submitted', 'queued']);
  });

  test('stay a confirmed transaction’s own: it may be rolled back', async () => {
    await world.fund(30);
    await world.ask(25);
    await world.pay();
    await world.mineMany(3);
    expect(await reserved()).toHaveLength(1);
  });
});
