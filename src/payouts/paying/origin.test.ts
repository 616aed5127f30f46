import { beforeEach, describe, expect, test } from 'vitest';
import { type Paying, payingInTests } from '../../../test/support/paying.js';
import { CONFIRMATIONS } from '../../../test/support/paying-chain.js';
import { approvePayout } from '../accepting/approval.js';
import { cancelPayout } from '../accepting/cancel.js';

let world: Paying;
payingInTests('user', (opened) => {
  world = opened;
});

const CONTROL = 'select paused_by as by, pause_reason as reason from payout_control';
const RESUME = 'update payout_control set paused_at = null, paused_by = null, pause_reason = null';
const ENEMY = `(select destination_address from outbound_payments where id <> $1 limit 1)`;
const MAKE_UP = `
  insert into outbound_payments (id, destination_address, amount_lovelace, status, created_by)
  select repeat('e', 32), destination_address, 9000000, 'queued', created_by
    from outbound_payments where id = $1`;
const AWAIT = `
  with a as (update audit_log set details = details || '{"status": "awaiting_approval"}' where entity_id = $1)
  update outbound_payments set status = 'awaiting_approval' where id = $1`;
const QUEUE = "update outbound_payments set status = 'queued' where id = $1";

let id: string;
beforeEach(async () => {
  await world.fund(100, 100);
  await world.give('ann', 50);
  await world.give('bob', 50);
  id = await world.ask(3, 'ann');
});

async function expectUnsigned(why: RegExp): Promise<void> {
  expect(await world.pay()).toBe('paused');
  const [control] = await world.query<{ by: string; reason: string }>(CONTROL);
  expect(control?.by).toBe('payer');
  expect(control?.reason).toMatch(why);
  expect(control?.reason).toMatch(/isn't what was asked for.*run `teller balance verify`/);
  expect(world.submitted).toEqual([]);
}

const cancel = (which = id) => cancelPayout(world.pool, which, { kind: 'operator', name: 'ops' });

describe('what isn’t what was asked for isn’t signed', () => {
  test('another amount', async () => {
    await world.query('update outbound_payments set amount_lovelace = 40000000 where id = $1', [
      id,
    ]);
    await expectUnsigned(
      /it says amountLovelace 40000000, and was accepted with amountLovelace 3000000/,
    );
    const before = await world.balance('ann');
    expect(await cancel()).toMatchObject({ type: 'too_late' });
    expect(await world.balance('ann')).toEqual(before);
  });

  test('another destination', async () => {
    await world.ask(4);
    await world.query(`update outbound_payments set destination_address = ${ENEMY} where id = $1`, [
      id,
    ]);
    await expectUnsigned(
      /it says destinationAddress addr_\S+, and was accepted with destinationAddress addr_/,
    );
  });

  test('other assets', async () => {
    await world.query(
      `update outbound_payments set assets = '{"${'ab'.repeat(28)}": "7"}' where id = $1`,
      [id],
    );
    await expectUnsigned(/it says assets {"abab\S+ "7"}, and was accepted with assets {}/);
  });

  test.each(["'bob'", 'null'])('another user, %s', async (user) => {
    await world.query(
      `update outbound_payments set user_id = ${user}, booked = ${user !== 'null'} where id = $1`,
      [id],
    );
    await expectUnsigned(/it says userId \S+, and was accepted with userId "ann"/);
  });

  test('another fee is held than what the ledger holds', async () => {
    await world.query('update outbound_payments set held_fee = held_fee + 5 where id = $1', [id]);
    await expectUnsigned(
      /it takes 3200005 lovelace of user ann, for which the ledger holds 3200000/,
    );
  });

  test('nobody asked for it', async () => {
    await world.query(MAKE_UP, [id]);
    await expectUnsigned(/e{32}: nothing in the audit log says that it was ever asked for/);
  });

  test('it was accepted for later, and nobody approved it', async () => {
    await world.query(AWAIT, [id]);
    await world.query(QUEUE, [id]);
    await expectUnsigned(/it says queued, and nobody approved it/);
  });

  test('who asked for it approved it, under another name', async () => {
    await world.query(AWAIT, [id]);
    await world.query("update outbound_payments set created_by = 'key:other' where id = $1", [id]);
    const outcome = await approvePayout(world.pool, id, { kind: 'key', name: 'clerk' });
    expect(outcome.type).toBe('approved');
    await expectUnsigned(/nobody approved it/);
  });

  test('it was cancelled', async () => {
    expect(await cancel()).toMatchObject({ type: 'cancelled' });
    await world.query(QUEUE, [id]);
    await expectUnsigned(/it says queued, and was ended: payout.cancelled by operator:ops/);
    const before = await world.balance('ann');
    expect(await cancel()).toMatchObject({ type: 'too_late' });
    expect(await world.balance('ann')).toEqual(before);
  });

  test('it was accepted twice: the first counts', async () => {
    await world.query('update outbound_payments set amount_lovelace = 40000000 where id = $1', [
      id,
    ]);
    await world.query(
      `insert into audit_log (action, entity_type, entity_id, actor, details)
       select action, entity_type, entity_id, actor, details || '{"lovelace": "40000000"}'
         from audit_log where entity_id = $1`,
      [id],
    );
    expect(await world.pay()).toBe('paused');
    const [control] = await world.query<{ reason: string }>(CONTROL);
    expect(control?.reason).toMatch(/it was accepted 2 times/);
    expect(control?.reason).toMatch(
      /it says amountLovelace 40000000, and was accepted with amountLovelace 3000000/,
    );
    expect(world.submitted).toEqual([]);
  });

  test('another attempt neither', async () => {
    world.knobs.fate = () => ({ type: 'look_at_chain', reason: 'lost' });
    await world.pay();
    await world.mineMany(6, false);
    await world.query('update outbound_payments set amount_lovelace = 40000000 where id = $1', [
      id,
    ]);
    world.submitted.length = 0;
    await expectUnsigned(/it says amountLovelace 40000000/);
  });

  test('it was changed only while it was read', async () => {
    const set = (amount: number) =>
      world.query('update outbound_payments set amount_lovelace = $2 where id = $1', [id, amount]);
    await set(40_000_000);
    const { pool } = world;
    const signed: bigint[] = [];
    world.knobs.beforeSigning = ({ payees }) => {
      signed.push(...payees.map(({ lovelace }) => lovelace));
    };
    // As soon as the queue was read, it is as it was.
    let isRead = false;
    const query = async (text: string, values?: unknown[]) => {
      const answer = await pool.query(text, values);
      if (text.includes('p.alone') && !isRead) {
        isRead = true;
        await set(3_000_000);
      }
      return answer;
    };
    const watched = new Proxy(pool, {
      get: (of, name): unknown => (name === 'query' ? query : Reflect.get(of, name, of)),
    });
    world.knobs.deps = { pool: watched };
    await world.pay();
    await world.mineMany(CONFIRMATIONS);
    expect(signed).toEqual([40_000_000n, 3_000_000n]);
    expect(world.submitted).toHaveLength(1);
    expect(await world.payout(id)).toMatchObject({
      status: 'confirmed',
      amount_lovelace: '3000000',
    });
  });
});

describe('what was asked for is paid', () => {
  test('once somebody else approved it', async () => {
    await world.query(AWAIT, [id]);
    expect(await approvePayout(world.pool, id, { kind: 'key', name: 'other' })).toMatchObject({
      type: 'approved',
    });
    await world.pay();
    await world.mineMany(CONFIRMATIONS);
    expect(await world.status(id)).toBe('confirmed');
  });

  test('once its row is again what it was', async () => {
    await world.query('update outbound_payments set amount_lovelace = 40000000 where id = $1', [
      id,
    ]);
    await expectUnsigned(/40000000/);
    await world.query('update outbound_payments set amount_lovelace = 3000000 where id = $1', [id]);
    await world.query(RESUME);
    await world.pay();
    await world.mineMany(CONFIRMATIONS);
    expect(await world.status(id)).toBe('confirmed');
  });
});
