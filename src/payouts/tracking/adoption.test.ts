import { describe, expect, test } from 'vitest';
import { type Paying, payingInTests } from '../../../test/support/paying.js';
import type { Json } from '../../devnet/transaction.js';
import { resumePayouts } from '../accepting/pause.js';
import { inLedgerOrder, METADATA_LABEL } from '../transaction/metadata.js';

const ADA = 1_000_000n;

let world: Paying;
payingInTests('user', (opened) => {
  world = opened;
});

/** As a database is that was restored from before any payout, in the middle of its life. */
const forget = () =>
  world.query(
    `truncate outbound_payments, payout_batches, payout_transactions, payout_transaction_inputs,
              payout_attempts, payout_change, wallet_reservations, outbox, audit_log`,
  );
const control = async () => {
  const [row] = await world.query<{
    paused: boolean;
    held: boolean;
    memory_gap: number;
    pause_reason: string | null;
  }>(
    `select paused_at is not null as paused, held_at is not null as held, memory_gap, pause_reason
       from payout_control`,
  );
  return row;
};
const audited = async (): Promise<string[]> =>
  (
    await world.query<{ action: string }>(
      "select action from audit_log where actor = 'chain' and entity_type <> 'payout' order by id",
    )
  ).map((row) => row.action);
const walletOutput = async (): Promise<string> => {
  const [row] = await world.query<{ reference: string }>(
    `select tx_hash || '#' || output_index as reference from wallet_outputs
      where spent_by is null order by 1`,
  );
  if (row === undefined) throw new Error('the wallet is empty');
  return row.reference;
};
const metadata = (value: Json): { metadata: Json } => ({
  metadata: { hash: 'ab'.repeat(32), labels: { [METADATA_LABEL.toString()]: { json: value } } },
});
/** Pays once, so that there is a past. */
const payOnce = async (): Promise<void> => {
  await world.fund(30, 40);
  await world.ask(5);
  await world.pay();
  await world.mineMany(3);
};

describe('a transaction of the hot wallet', () => {
  test('that is known needs no adoption', async () => {
    await payOnce();
    expect(await control()).toMatchObject({ paused: false, held: false, memory_gap: 0 });
    expect(await audited()).toEqual([]);
  });

  test('that was forgotten tells what it paid: that is paid, and payouts are held', async () => {
    await payOnce();
    await world.give('ann', 50);
    const body = world.newBody(20, 'ann');
    const asked = await world.post('lost', body);
    const other = await world.ask(3);
    await world.pay();
    const [txHash] = await world.attempts(other);
    await forget();
    await world.query('truncate user_balances, balance_transactions');
    await world.give('ann', 50);
    await world.mine();
    const rows = await world.query(
      `select status, adopted, user_id, amount_lovelace, tx_hash, fee_lovelace is not null as fee
         from outbound_payments order by amount_lovelace`,
    );
    const told = { status: 'in_block', adopted: true, user_id: null, tx_hash: txHash, fee: true };
    expect(rows).toEqual([
      { ...told, amount_lovelace: '3000000' },
      { ...told, amount_lovelace: '20000000' },
    ]);
    expect(await control()).toMatchObject({ paused: false, held: true, memory_gap: 1 });
    expect(await audited()).toEqual(['payout.adopted']);
    expect(await world.pay()).toBe('held');
    await world.mineMany(2);
    expect(await world.status(other)).toBe('confirmed');
    // Who asks again is charged for what was paid, and nothing is paid again.
    const again = await world.post('lost', body);
    expect(again.type).toBe('exists');
    const id = asked.type === 'created' ? asked.payout.id : '';
    const fee = Number((await world.payout(id)).fee_lovelace);
    expect(await world.balance('ann')).toEqual({ available: 30_000_000 - fee, held: 0 });
    expect(await world.paid(id)).toBe(1);
  });

  test('bears its whole fee on its payouts, as the chain has it', async () => {
    await payOnce();
    const ids = [await world.ask(3), await world.ask(4), await world.ask(5)];
    await world.pay();
    const [before] = await world.query<{ fee: string }>(
      'select fee_lovelace as fee from payout_transactions order by created_at desc limit 1',
    );
    await forget();
    await world.mine();
    const [after] = await world.query<{ fee: string; shared: string }>(
      `select (select fee_lovelace from payout_transactions) as fee,
              (select sum(fee_lovelace) from outbound_payments) as shared`,
    );
    expect(after).toEqual({ fee: before?.fee, shared: before?.fee });
    expect(ids).toHaveLength(3);
  });

  test('that pays what was asked for again, waiting in the queue: it is paid, not paid again', async () => {
    await payOnce();
    await world.give('ann', 50);
    const body = world.newBody(20, 'ann');
    await world.post('lost', body);
    await world.pay();
    await forget();
    await world.query('truncate user_balances, balance_transactions');
    await world.give('ann', 50);
    const again = await world.post('lost', body);
    const id = again.type === 'created' ? again.payout.id : '';
    await world.mineMany(3);
    const { batch_id: batch, tx_hash: txHash } = await world.payout(id);
    const [bound] = await world.query<{ id: string }>(
      'select batch_id as id from payout_transactions where tx_hash = $1',
      [txHash],
    );
    // Should it be rolled back, its next attempt spends the same anchor.
    expect([batch === null, batch]).toEqual([false, bound?.id]);
    expect(await world.payout(id)).toMatchObject({ status: 'confirmed', adopted: false });
    expect((await world.balance('ann'))?.held).toBe(0);
    expect(await world.paid(id)).toBe(1);
  });

  test('that paid another amount than is asked for now: the chain’s is what is charged', async () => {
    await payOnce();
    await world.give('ann', 50);
    const body = world.newBody(20, 'ann');
    await world.post('lost', body);
    await world.pay();
    await forget();
    await world.query('truncate user_balances, balance_transactions');
    await world.give('ann', 50);
    const again = await world.post('lost', { ...body, amountLovelace: '7000000' });
    const id = again.type === 'created' ? again.payout.id : '';
    expect((await world.balance('ann'))?.held).toBe(7_200_000);
    await world.mine();
    expect(await world.payout(id)).toMatchObject({
      status: 'in_block',
      amount_lovelace: '20000000',
      turn: 1,
    });
    expect((await world.balance('ann'))?.held).toBe(20_200_000);
    await world.mineMany(2);
    expect(await world.status(id)).toBe('confirmed');
  });

  test('that was adopted and rolled back stands for what it may still pay', async () => {
    await payOnce();
    const id = await world.ask(20);
    await world.pay();
    await forget();
    await world.mine();
    world.chain.rollBack(1);
    await world.mineMany(2, false);
    expect(await world.payout(id)).toMatchObject({ status: 'submitted', turn: 1 });
    await world.query('update payout_control set held_at = null, hold_reason = null');
    world.knobs.aheadMs = 700_000;
    await world.pay();
    // Its bytes aren't here, so another attempt is made: with the same anchor.
    const attempts = await world.attempts(id);
    expect(attempts).toHaveLength(2);
    expect(await world.query('select 1 from payout_batches')).toHaveLength(1);
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
    expect(await world.paid(id)).toBe(1);
  });
});

describe('a transaction that isn’t ours and spends from the hot wallet', () => {
  /** Somebody else spends one output of the wallet and says this in its metadata. */
  const spend = async (json: Json | null): Promise<string> => {
    const spent = await walletOutput();
    const to = world.newBody(5).destinationAddress;
    const block = await world.mine([
      {
        spend: [spent],
        pay: [{ address: to, lovelace: ADA }],
        change: world.chain.faucet,
        ...(json === null ? {} : { extras: metadata(json) }),
      },
    ]);
    return block.transactions[0]?.id ?? '';
  };
  const id = (n: number): string => `0x${n.toString(16).padStart(32, '0')}`;

  test.each<[string, Json | null]>([
    ['without metadata', null],
    ['under our label, but of no form of ours', 'a payout'],
    ['of another version', [2, 0, [id(1)]]],
    ['whose anchor is none of its inputs', [1, 9, [id(1)]]],
    ['that names a payout twice', [1, 0, [id(1), id(1)]]],
    ['that names more payouts than it has outputs', [1, 0, [id(1), id(2), id(3), id(4)]]],
  ])('%s pauses all payouts until somebody looked', async (_, json) => {
    await payOnce();
    const txHash = await spend(json);
    expect(await control()).toMatchObject({ paused: true, held: false, memory_gap: 0 });
    expect((await control())?.pause_reason).toContain(txHash);
    expect(await audited()).toEqual(['payout.paused']);
    const waiting = await world.ask(2);
    expect(await world.pay()).toBe('paused');
    await resumePayouts(world.pool, 'operator:test');
    expect(await world.pay()).toBeNull();
    expect(await world.status(waiting)).toBe('submitted');
  });

  test('before anything was ever paid from here was its owner’s', async () => {
    await world.fund(30, 40);
    await spend(null);
    expect(await control()).toMatchObject({ paused: false, held: false });
  });

  test('and says that it is ours is taken at its word, which holds everything', async () => {
    await payOnce();
    const spent = await walletOutput();
    const to = world.newBody(5).destinationAddress;
    const draft = (anchor: number) => ({
      spend: [spent],
      pay: [{ address: to, lovelace: 4n * ADA }],
      change: world.chain.faucet,
      extras: metadata([1, anchor, [id(7)]]),
    });
    const { transactions } = await world.mine([draft(0)]);
    const [only] = transactions;
    expect(inLedgerOrder(only?.inputs ?? [])).toContain(spent);
    expect(await world.payout(id(7).slice(2))).toMatchObject({
      status: 'in_block',
      adopted: true,
      amount_lovelace: '4000000',
    });
    expect(await control()).toMatchObject({ held: true, memory_gap: 1 });
  });
});
