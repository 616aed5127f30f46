import { beforeEach, describe, expect, test } from 'vitest';
import { type Paying, payingInTests } from '../../../test/support/paying.js';
import { inTransaction } from '../../database/transaction.js';
import { maySubmit, NotNow } from './term-queries.js';

let world: Paying;
payingInTests('user', (opened) => {
  world = opened;
});
beforeEach(async () => {
  await world.query('delete from chain_guard');
});

const REASON = { kind: 'rollback', detail: 'the chain went back 40 blocks, to block 7' };
const hold = () =>
  world.query('insert into chain_guard (partition_id, held_at, reasons) values (0, now(), $1)', [
    JSON.stringify([
      { ...REASON, released: null },
      { kind: 'density', detail: 'let pass', released: { by: 'ann' } },
    ]),
  ]);
const release = () => world.query('update chain_guard set held_at = null');

describe('while the chain is held', () => {
  test('payouts are accepted, and wait for what is said', async () => {
    await world.fund(60);
    await world.give('ann', 50);
    await hold();
    const id = await world.ask(20, 'ann');
    expect(await world.pay()).toBe('chain_held');
    expect(world.events.at(-1)).toMatchObject({ type: 'waiting', detail: REASON.detail });
    expect(await world.status(id)).toBe('queued');
    await release();
    expect(await world.pay()).toBeNull();
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
  });

  test('it is said even where nothing waits', async () => {
    await world.fund(60);
    await hold();
    expect(await world.pay()).toBe('chain_held');
  });

  test('a payout is in a block for as long as that takes, and confirmed with the next one', async () => {
    await world.fund(60);
    await world.give('ann', 50);
    const id = await world.ask(20, 'ann');
    await world.pay();
    await world.mineMany(1);
    await hold();
    await world.mineMany(20);
    expect(await world.status(id)).toBe('in_block');
    expect((await world.balance('ann'))?.held).toBeGreaterThan(0);
    await release();
    await world.mineMany(1);
    expect(await world.status(id)).toBe('confirmed');
    expect((await world.balance('ann'))?.held).toBe(0);
  });

  test('what was signed before is not submitted again', async () => {
    await world.fund(60);
    await world.ask(20);
    world.knobs.fate = () => ({ type: 'passing', reason: 'try again' });
    await world.pay();
    expect(world.submitted).toHaveLength(1);
    await hold();
    world.knobs.aheadMs = 600_000;
    expect(await world.pay()).toBe('chain_held');
    expect(world.submitted).toHaveLength(1);
  });

  test('a fence that was asked for waits as well', async () => {
    await world.fund(60);
    await world.query(
      'update payout_control set fence_requested_at = now(), held_at = now(), hold_reason = $1',
      ['restored'],
    );
    await hold();
    expect(await world.pay()).toBe('chain_held');
    expect(world.submitted).toEqual([]);
    expect(await world.anchors()).toEqual([]);
  });

  test('what was being signed when that began is forgotten, and paid once afterwards', async () => {
    await world.fund(60);
    const id = await world.ask(20);
    world.knobs.beforeSigning = async () => {
      await hold();
    };
    await expect(world.pay()).rejects.toBeInstanceOf(NotNow);
    expect(await world.attempts(id)).toEqual([]);
    world.knobs.beforeSigning = () => undefined;
    await release();
    await world.pay();
    await world.mineMany(3);
    expect(await world.paid(id)).toBe(1);
  });

  test('what was signed right before that isn’t submitted until it is over', async () => {
    await world.fund(60);
    const id = await world.ask(20);
    world.knobs.beforeSubmitting = async () => {
      await hold();
    };
    await expect(world.pay()).rejects.toBeInstanceOf(NotNow);
    expect(await world.attempts(id)).toHaveLength(1);
    expect(world.submitted).toEqual([]);
    world.knobs.beforeSubmitting = () => undefined;
    await release();
    await world.pay();
    await world.mineMany(3);
    expect(await world.paid(id)).toBe(1);
  });

  test('a block that would hold it waits until a signature under way is written down', async () => {
    await world.fund(60);
    await world.ask(20);
    const moveCursor = () =>
      inTransaction(world.pool, async (tx) => {
        await tx.query("set local lock_timeout = '100ms'");
        await tx.query('update sync_state set updated_at = now()');
        return 'moved';
      }).catch((error: unknown) => error);
    const moves: unknown[] = [];
    const { readIdentity } = world.deps();
    world.knobs.deps = {
      // Asked within each transaction that signs or submits, before it looks whether it may.
      readIdentity: async (db) => {
        if (db !== world.pool) moves.push(await moveCursor());
        return readIdentity(db);
      },
    };
    await world.pay();
    expect(moves).toMatchObject([{ code: '55P03' }, 'moved']);
  });

  test('a submission that is under way asks no second node', async () => {
    expect(await maySubmit(world.pool, world.term())).toBe(true);
    await hold();
    expect(await maySubmit(world.pool, world.term())).toBe(false);
  });
});
