import { beforeEach, describe, expect, test } from 'vitest';
import { type Paying, payingInTests } from '../../../test/support/paying.js';
import { CONFIRMATIONS } from '../../../test/support/paying-chain.js';
import { inTransaction } from '../../database/transaction.js';
import { pauseTakenAway } from '../../reconcile/verify/pause-taken-away.js';
import { pausePayouts, resumePayouts } from '../accepting/pause.js';
import { pauseFor } from '../tracking/adoption-queries.js';
import { NotNow } from './term-queries.js';

let world: Paying;
payingInTests('treasury', (opened) => {
  world = opened;
});

const TAKE_AWAY =
  'update payout_control set paused_at = null, paused_by = null, pause_reason = null';
const CONTROL = 'select paused_by as by, pause_reason as reason from payout_control';
const SAID = `select action, actor from audit_log where entity_type = 'payouts' order by id`;
const OPS = 'operator:ops';

let id: string;
beforeEach(async () => {
  await world.fund(60);
  id = await world.ask(5);
});

const pause = () => pausePayouts(world.pool, OPS, 'an audit is under way');
const resume = () => resumePayouts(world.pool, OPS);

async function expectPausedAgain(): Promise<void> {
  expect(await world.pay()).toBe('paused');
  const [control] = await world.query<{ by: string; reason: string }>(CONTROL);
  expect(control?.by).toBe('payer');
  expect(control?.reason).toMatch(
    /^operator:ops paused payouts at 20\S+Z \(an audit is under way\), nobody resumed them, and another hand took that away/,
  );
  expect(control?.reason).toContain('`teller payout resume`');
  expect(world.submitted).toEqual([]);
}

async function expectPaid(): Promise<void> {
  await world.pay();
  await world.mineMany(CONFIRMATIONS);
  expect(await world.status(id)).toBe('confirmed');
  expect(await world.paid(id)).toBe(1);
}

describe('a pause of a person that another hand took away', () => {
  test('counts until a person resumes, however often it is taken away', async () => {
    await pause();
    await world.query(TAKE_AWAY);
    expect(await pauseTakenAway(world.pool)).toMatchObject({ by: OPS });
    await expectPausedAgain();
    expect(await pauseTakenAway(world.pool)).toBeNull();
    await world.query(TAKE_AWAY);
    await expectPausedAgain();
    expect(await resume()).toMatchObject({ changed: true, control: { pausedAt: null } });
    await expectPaid();
    expect(await pauseTakenAway(world.pool)).toBeNull();
    expect(await world.query(SAID)).toEqual([
      { action: 'payout.paused', actor: OPS },
      { action: 'payout.pause_restored', actor: 'payer' },
      { action: 'payout.pause_restored', actor: 'payer' },
      { action: 'payout.resumed', actor: OPS },
    ]);
  });

  test('counts also where nothing waits to be paid', async () => {
    await expectPaid();
    await pause();
    await world.query(TAKE_AWAY);
    world.submitted.length = 0;
    await expectPausedAgain();
    await resume();
  });

  test('ends with a person who resumes before any payer saw it', async () => {
    await pause();
    await world.query(TAKE_AWAY);
    expect(await resume()).toMatchObject({ changed: true });
    expect(await resume()).toMatchObject({ changed: false });
    await expectPaid();
  });

  test('counts though its row was deleted and made anew', async () => {
    await pause();
    await world.query('delete from payout_control');
    expect(await pauseTakenAway(world.pool)).toMatchObject({ reason: 'an audit is under way' });
    await world.query('insert into payout_control default values');
    await world.takeOver();
    await expectPausedAgain();
    await resume();
  });

  test('keeps what was being signed from being written down', async () => {
    world.knobs.beforeSigning = async () => {
      await pause();
      await world.query(TAKE_AWAY);
    };
    await expect(world.pay()).rejects.toBeInstanceOf(NotNow);
    expect(await world.attempts(id)).toEqual([]);
    await expectPausedAgain();
    world.knobs.beforeSigning = () => undefined;
    await resume();
    await expectPaid();
  });

  test('keeps what was signed from being submitted', async () => {
    world.knobs.beforeSubmitting = async () => {
      await pause();
      await world.query(TAKE_AWAY);
    };
    await expect(world.pay()).rejects.toBeInstanceOf(NotNow);
    await expectPausedAgain();
    world.knobs.beforeSubmitting = () => undefined;
    await resume();
    await expectPaid();
  });

  test('is told from one that a person ends while the payer looks', async () => {
    await pause();
    await world.query(TAKE_AWAY);
    const { pool } = world;
    const connect = async () => {
      await resume();
      return pool.connect();
    };
    world.knobs.deps = {
      pool: new Proxy(pool, {
        get: (of, name): unknown => {
          if (name === 'connect') return connect;
          return name === 'query' ? of.query.bind(of) : Reflect.get(of, name, of);
        },
      }),
    };
    await world.pay();
    world.knobs.deps = {};
    expect(await world.query(CONTROL)).toEqual([{ by: null, reason: null }]);
    await expectPaid();
  });
});

describe('what isn’t a pause of a person', () => {
  test('is left to those who paused', async () => {
    await inTransaction(world.pool, (tx) => pauseFor(tx, new Date(), 'chain', 'a foreign spend'));
    await world.query(TAKE_AWAY);
    expect(await pauseTakenAway(world.pool)).toBeNull();
    await expectPaid();
  });

  test('was one, and a person ended it', async () => {
    await pause();
    await resume();
    await inTransaction(world.pool, (tx) => pauseFor(tx, new Date(), 'payer', 'in doubt'));
    await world.query(TAKE_AWAY);
    await expectPaid();
  });
});
