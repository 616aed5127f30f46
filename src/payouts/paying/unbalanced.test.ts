import { beforeEach, describe, expect, test } from 'vitest';
import { type Paying, payingInTests } from '../../../test/support/paying.js';
import { CONFIRMATIONS } from '../../../test/support/paying-chain.js';
import { cancelPayout } from '../accepting/cancel.js';
import { resumePayouts } from '../accepting/pause.js';
import { unbalancedOf } from './unbalanced-queries.js';

let world: Paying;
payingInTests('treasury', (opened) => {
  world = opened;
});

const UNIT = `${'ab'.repeat(28)}746f6b`;
const OPS = { kind: 'operator', name: 'ops' } as const;
const CONTROL = 'select paused_by as by, pause_reason as reason from payout_control';
const TOLD = `
  select entity_id as id, details ->> 'reason' as reason from audit_log
   where action = 'payout.paused' and actor = 'payer'`;
const MADE_UP = `insert into user_balances (user_id, unit, available) values ('mallory', $1, 400000000)`;
/** As a repair does it. */
const SUM_UP = `
  update user_balances b
     set available = e.available, held = e.held
    from (select user_id, unit,
                 coalesce(sum(signed) filter (where bucket = 'available'), 0) as available,
                 coalesce(sum(signed) filter (where bucket = 'held'), 0) as held
            from (select *, case type when 'credit' then amount else -amount end as signed
                    from balance_transactions) as entries
           group by user_id, unit) as e
   where (b.user_id, b.unit) = (e.user_id, e.unit)`;

beforeEach(async () => {
  await world.fund(300, 300);
  await world.give('ann', 50);
});

async function expectUnsigned(id: string, why: RegExp): Promise<void> {
  const before = world.submitted.length;
  expect(await world.pay()).toBe('paused');
  expect(world.submitted.length).toBe(before);
  const [control] = await world.query<{ by: string; reason: string }>(CONTROL);
  expect(control?.by).toBe('payer');
  expect(control?.reason).toMatch(/^what was to be signed is of a user whose balance isn't/);
  expect(control?.reason).toMatch(why);
  const told = await world.query<{ id: string; reason: string }>(TOLD);
  expect(told.filter((one) => one.id === id && why.test(one.reason))).not.toEqual([]);
}

describe('what a balance pays that the ledger doesn’t know isn’t signed', () => {
  test('the balance was made up', async () => {
    await world.query(MADE_UP, ['lovelace']);
    const own = await world.ask(5, 'ann');
    const id = await world.ask(399, 'mallory');
    await expectUnsigned(
      id,
      /user mallory has 1000000 lovelace available, 399000000 held and 0 pending, by the entries of the ledger -399000000, 399000000 and 0/,
    );
    // Whoever resumes without looking is told again.
    await resumePayouts(world.pool, 'operator:ops');
    await expectUnsigned(id, /user mallory/);
    await world.query(SUM_UP);
    expect(await cancelPayout(world.pool, id, OPS)).toMatchObject({ type: 'cancelled' });
    expect(await world.balance('mallory')).toEqual({ available: 0, held: 0 });
    await resumePayouts(world.pool, 'operator:ops');
    await world.pay();
    await world.mineMany(CONFIRMATIONS);
    expect(await world.status(own)).toBe('confirmed');
    expect(world.submitted).toHaveLength(1);
  });

  test('the balance was raised', async () => {
    await world.query('update user_balances set available = available + 100000000');
    const id = await world.ask(120, 'ann');
    await expectUnsigned(id, /user ann has 30000000 lovelace available/);
    await world.query(SUM_UP);
  });

  test('an entry was taken away', async () => {
    const id = await world.ask(5, 'ann');
    await world.query("delete from balance_transactions where reason = 'test'");
    await expectUnsigned(id, /by the entries of the ledger -5000000, 5000000 and 0/);
    await world.query(SUM_UP);
  });

  test('the balance was deleted', async () => {
    const id = await world.ask(5, 'ann');
    await world.query('delete from user_balances');
    await expectUnsigned(id, /user ann has 0 lovelace available, 0 held/);
  });

  test('a balance of an asset that it takes was made up', async () => {
    await world.query(MADE_UP, [UNIT]);
    await world.give('mallory', 10);
    const body = { ...world.newBody(3, 'mallory'), assets: { [UNIT]: '7' } };
    const outcome = await world.post('with assets', body);
    const { id } = outcome.type === 'created' ? outcome.payout : { id: outcome.type };
    await expectUnsigned(id, new RegExp(`user mallory has 399999993 ${UNIT} available, 7 held`));
    await world.query(SUM_UP);
  });

  test('another attempt neither', async () => {
    world.knobs.fate = () => ({ type: 'look_at_chain', reason: 'lost' });
    const id = await world.ask(5, 'ann');
    await world.pay();
    await world.mineMany(6, false);
    await world.query('update user_balances set available = available + 1');
    await expectUnsigned(id, /user ann/);
    await world.query(SUM_UP);
  });
});

describe('a balance that isn’t asked for', () => {
  test('keeps nobody else from being paid, nor its user in another unit, nor the treasury', async () => {
    const [own, treasurys] = [await world.ask(5, 'ann'), await world.ask(6)];
    await world.query(MADE_UP, ['lovelace']);
    await world.query(
      `insert into user_balances (user_id, unit, available) values ('ann', $1, 7)`,
      [UNIT],
    );
    await world.pay();
    await world.mineMany(CONFIRMATIONS);
    expect([await world.status(own), await world.status(treasurys)]).toEqual([
      'confirmed',
      'confirmed',
    ]);
    await world.query("delete from user_balances where user_id = 'mallory' or unit <> 'lovelace'");
  });
});

test('each payout of a user is named', async () => {
  const ids = [await world.ask(5, 'ann'), await world.ask(6, 'ann'), await world.ask(7)];
  expect(await unbalancedOf(world.pool, ids)).toEqual([]);
  await world.query('update user_balances set available = available + 1');
  const named = await unbalancedOf(world.pool, ids);
  expect(named.map(({ payoutId }) => payoutId)).toEqual(ids.slice(0, 2).sort());
  await world.query(SUM_UP);
});
