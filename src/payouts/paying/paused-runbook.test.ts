import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Paying, payingInTests } from '../../../test/support/paying.js';
import { CONFIRMATIONS } from '../../../test/support/paying-chain.js';
import { root } from '../../../test/support/sources.js';
import { approvePayout } from '../accepting/approval.js';
import { cancelPayout } from '../accepting/cancel.js';
import { resumePayouts } from '../accepting/pause.js';

const RUNBOOK = readFileSync(`${root}ops/runbooks/PayoutsPaused.md`, 'utf8');
const REASON = 'select pause_reason as reason from payout_control';
const SET = 'update outbound_payments set';

let world: Paying;
payingInTests('user', (opened) => {
  world = opened;
});

let id: string;
beforeEach(async () => {
  await world.fund(100, 100);
  await world.give('ann', 50);
  await world.give('bob', 50);
  id = await world.ask(3, 'ann');
});

/** The row of the table that the reason of this pause leads to: the uppermost that fits. */
async function rowOfReason(): Promise<string> {
  const [control] = await world.query<{ reason: string }>(REASON);
  const reason = control?.reason ?? '';
  const row = RUNBOOK.split('\n').find((line) => {
    const said = /^ {2}\| `([^`]+)`/.exec(line)?.[1]?.split('…') ?? ['in no row'];
    return said.every((part) => reason.includes(part.trim()));
  });
  return row ?? `no row says what to do where ${reason}`;
}

async function walk(letter: string, txHash = ''): Promise<void> {
  expect(await world.pay()).toBe('paused');
  expect(await rowOfReason()).toContain(`**${letter}**`);
  const statement = new RegExp(`\\*\\*${letter}\\*\\*(?: \\(.*\\))?\\n +\`\`\`sql\\n([^\`]+)`).exec(
    RUNBOOK,
  );
  const text = (statement?.[1] ?? 'no statement').replaceAll("'TX'", `'${txHash}'`);
  await world.query(text.replaceAll("'ID'", `'${id}'`));
  await resumePayouts(world.pool, 'operator:ops');
}

async function expectPaid(): Promise<void> {
  expect(await world.pay()).toBeNull();
  await world.mineMany(CONFIRMATIONS);
  expect(await world.payout(id)).toMatchObject({ status: 'confirmed', amount_lovelace: '3000000' });
  expect(await world.paid(id)).toBe(1);
}

describe('the runbook of paused payouts', () => {
  test.each([
    ['amount', 'amount_lovelace = 40000000'],
    ['user', "user_id = 'bob'"],
    ['lack of a user', 'user_id = null, booked = false'],
    ['destination', 'destination_address = (select address from wallet_outputs limit 1)'],
    ['assets', `assets = '{"${'ab'.repeat(28)}": "7"}'`],
  ])('sets another %s right, and it is paid as it was asked for', async (_, change) => {
    await world.query(`${SET} ${change} where id = $1`, [id]);
    await walk('A');
    await expectPaid();
  });

  test.each(['approve', 'cancel'] as const)('leaves a second person to %s it', async (what) => {
    await world.query(
      `update audit_log set details = details || '{"status": "awaiting_approval"}' where entity_id = $1`,
      [id],
    );
    await walk('B');
    expect(await world.pay()).toBeNull();
    if (what === 'approve') {
      await approvePayout(world.pool, id, { kind: 'key', name: 'other' });
      return expectPaid();
    }
    expect(await cancelPayout(world.pool, id, OPS)).toMatchObject({ type: 'cancelled' });
    expect(await world.balance('ann')).toMatchObject({ held: 0 });
  });

  test('leaves ended what was ended, and its user has the money back once', async () => {
    await cancelPayout(world.pool, id, OPS);
    const before = await world.balance('ann');
    await world.query(`${SET} status = 'queued', booked = true where id = $1`, [id]);
    await walk('C');
    expect(await world.pay()).toBeNull();
    expect(await world.payout(id)).toMatchObject({ status: 'cancelled', booked: false });
    expect(await world.balance('ann')).toEqual(before);
  });

  test('takes out what nobody asked for, and the rest is paid', async () => {
    const asked = id;
    id = 'e'.repeat(32);
    await world.query(
      `insert into outbound_payments (id, destination_address, amount_lovelace, status, created_by)
       select $2, destination_address, 9000000, 'queued', created_by from outbound_payments where id = $1`,
      [asked, id],
    );
    await walk('D');
    id = asked;
    await expectPaid();
  });

  test('gives back the fee that the ledger holds', async () => {
    await world.query(`${SET} held_fee = held_fee + 5 where id = $1`, [id]);
    await walk('E');
    await expectPaid();
  });

  test('holds once more what entries that are gone held', async () => {
    await world.query('delete from balance_transactions where payout_id = $1', [id]);
    await walk('F');
    await expectPaid();
  });

  test('has a person answer for what spent from the wallet and isn’t known', async () => {
    await expectPaid();
    id = await world.ask(4, 'bob');
    await world.pay();
    const [lost = ''] = await world.attempts(id);
    await world.mineMany(CONFIRMATIONS);
    for (const table of ['attempts', 'change', 'transaction_inputs', 'transactions']) {
      await world.query(`delete from payout_${table} where tx_hash = $1`, [lost]);
    }
    id = await world.ask(3, 'ann');
    await walk('G', lost);
    await expectPaid();
  });

  test('has a person answer for what was accepted twice', async () => {
    await world.query(
      `insert into audit_log (action, entity_type, entity_id, actor, details)
       select action, entity_type, entity_id, actor, details from audit_log where entity_id = $1`,
      [id],
    );
    await walk('H');
    await expectPaid();
  });

  test('leaves a repair to set the balance, and what was accepted on it is cancelled', async () => {
    await world.query("insert into user_balances values ('mallory', 'lovelace', 400000000, 0, 0)");
    id = await world.ask(399, 'mallory');
    expect(await world.pay()).toBe('paused');
    const row = await rowOfReason();
    expect(row).toContain('`teller reconcile --repair` sets the balance to the sum of its entries');
    expect(row).toMatch(/`teller payout cancel ID`, before `teller payout resume`/);
    await world.query("update user_balances set available = -399200000 where user_id = 'mallory'");
    expect(await cancelPayout(world.pool, id, OPS)).toMatchObject({ type: 'cancelled' });
    await resumePayouts(world.pool, 'operator:ops');
    expect(await world.pay()).toBeNull();
    expect(await world.status(id)).toBe('cancelled');
    expect(await world.balance('mallory')).toEqual({ available: 0, held: 0 });
  });

  test('has a row for whatever may be paid already', async () => {
    await world.query(
      `insert into outbox (type, event_key, data) values ('payout.confirmed', $1, '{}')`,
      [`payout.confirmed:${id}:0`],
    );
    expect(await world.pay()).toBe('paused');
    expect(await rowOfReason()).toContain('look for its destination in an explorer');
  });
});

const OPS = { kind: 'operator', name: 'ops' } as const;
