import { describe, expect, test } from 'vitest';
import { K, type Paying, payingInTests, RESUBMIT_MS } from '../../../test/support/paying.js';
import type { SubmitOutcome } from '../node/node.js';

/** Past any rest between attempts. */
const LONG_MS = 700_000;

let world: Paying;
payingInTests('treasury', (opened) => {
  world = opened;
});

const statuses = (ids: readonly string[]) => Promise.all(ids.map((id) => world.status(id)));
describe('an answer to a submission', () => {
  const ANSWERS: readonly SubmitOutcome[] = [
    { type: 'unknown', reason: 'no answer in 60 s' },
    { type: 'passing', reason: 'the mempool is full' },
    { type: 'look_at_chain', reason: '3997' },
    { type: 'accepted' },
  ];

  test.each(ANSWERS)('that says $type leads to the same bytes again', async (answer) => {
    await world.fund(100);
    const id = await world.ask(20);
    world.knobs.fate = () => answer;
    await world.pay();
    await world.mine();
    expect(await world.status(id)).toBe('submitted');
    world.knobs.fate = () => null;
    world.knobs.aheadMs = RESUBMIT_MS + 1_000;
    await world.pay();
    expect(world.submitted).toHaveLength(2);
    expect(world.submitted[1]).toEqual(world.submitted[0]);
    expect(await world.attempts(id)).toHaveLength(1);
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
  });

  test('that refuses leads to another attempt with the same anchor, and never to the same bytes', async () => {
    await world.fund(100, 100);
    const id = await world.ask(20);
    world.knobs.fate = () => ({ type: 'refused', reason: '3122: fee too small' });
    await world.pay();
    await world.mine();
    await world.pay();
    expect(world.submitted).toHaveLength(1);
    expect(await world.status(id)).toBe('queued');
    world.knobs.fate = () => null;
    world.knobs.aheadMs = LONG_MS;
    await world.pay();
    const [first, second] = await world.attempts(id);
    expect(world.submitted.map((one) => one.txHash)).toEqual([first, second]);
    expect(await world.anchors()).toHaveLength(1);
    await world.mineMany(3);
    expect(await world.payout(id)).toMatchObject({ status: 'confirmed', tx_hash: second });
  });

  test('decides nothing: what was refused and is in a block all the same is paid', async () => {
    await world.fund(100);
    const id = await world.ask(20);
    world.knobs.fate = ({ cbor }) => {
      world.chain.mempool.submit(cbor);
      return { type: 'refused', reason: '3122: a lie' };
    };
    await world.pay();
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
    world.knobs.aheadMs = LONG_MS;
    await world.pay();
    expect(await world.attempts(id)).toHaveLength(1);
  });
});

describe('what nodes refuse until it can land nowhere', () => {
  const refuse = (): SubmitOutcome => ({ type: 'refused', reason: '3122: no' });
  /** Nobody looks for so long that no other attempt is built meanwhile. */
  const outlive = () => world.mineMany(5 + K + 1, false);

  test('fails when it was alone', async () => {
    await world.fund(100);
    const id = await world.ask(20);
    world.knobs.fate = refuse;
    await world.pay();
    await outlive();
    await world.pay();
    expect(await world.payout(id)).toMatchObject({
      status: 'failed',
      failure_reason: 'every node refused its transaction',
      booked: false,
    });
    expect(await world.query('select * from wallet_reservations')).toEqual([]);
  });

  test('is paid alone from then on when it was with others', async () => {
    await world.fund(100, 100, 100);
    const ids = [await world.ask(20), await world.ask(21)];
    world.knobs.fate = refuse;
    await world.pay();
    await outlive();
    world.knobs.fate = () => null;
    await world.pay();
    expect(await statuses(ids)).toEqual(['submitted', 'submitted']);
    const [one, two] = await Promise.all(ids.map((id) => world.attempts(id)));
    expect(one?.[0]).toBe(two?.[0]);
    expect(one?.[1]).not.toBe(two?.[1]);
    await world.mineMany(3);
    expect(await statuses(ids)).toEqual(['confirmed', 'confirmed']);
  });
});

describe('an attempt that expired', () => {
  /** One attempt that no block takes before its bound; then another. */
  const expire = async (): Promise<string> => {
    await world.fund(100, 100);
    const id = await world.ask(20);
    await world.pay();
    world.chain.mempool.evict();
    await world.mineMany(4, false);
    await world.pay();
    expect(await world.attempts(id)).toHaveLength(1);
    await world.mineMany(1, false);
    await world.pay();
    return id;
  };

  test('is followed by another one with the same anchor, and both are remembered', async () => {
    const id = await expire();
    const [first = '', second = ''] = await world.attempts(id);
    expect(second).not.toBe('');
    const [anchor] = await world.anchors();
    expect(await world.anchors()).toHaveLength(1);
    expect(await world.inputsOf(first)).toContain(anchor);
    expect(await world.inputsOf(second)).toContain(anchor);
    expect(await world.payout(id)).toMatchObject({ status: 'submitted', tx_hash: second });
    await world.mineMany(3);
    expect(await world.payout(id)).toMatchObject({ status: 'confirmed', tx_hash: second });
  });

  test('keeps its own anchor, whatever else the wallet could spend', async () => {
    await world.fund(30, 30, 30);
    world.knobs.deps = { batch: { payoutsMax: 1, waitMs: 0 } };
    const ids = [await world.ask(5), await world.ask(6), await world.ask(7)];
    await world.pay();
    world.chain.mempool.evict();
    await world.fund(30, 30, 30, 30, 30, 30);
    await world.mineMany(4, false);
    await world.pay();
    expect(await world.anchors()).toHaveLength(3);
    for (const [i, anchor] of (await world.anchors()).entries()) {
      const attempts = await world.attempts(ids[i] ?? '');
      expect(attempts).toHaveLength(2);
      for (const attempt of attempts) expect(await world.inputsOf(attempt)).toContain(anchor);
    }
    await world.mineMany(3);
    expect(await statuses(ids)).toEqual(['confirmed', 'confirmed', 'confirmed']);
  });

  test('is what pays where a fork took it in time, and the other one never does', async () => {
    await world.fund(100, 100);
    const id = await world.ask(20);
    await world.pay();
    const [first] = world.chain.mempool.transactions();
    if (first === undefined) throw new Error('it was not submitted');
    world.chain.mempool.evict();
    await world.mineMany(5, false);
    await world.pay();
    await world.mineMany(3);
    const [, second] = await world.attempts(id);
    expect(await world.payout(id)).toMatchObject({ status: 'confirmed', tx_hash: second });
    world.chain.rollBack(8);
    await world.mine([first]);
    expect(await world.payout(id)).toMatchObject({
      status: 'in_block',
      tx_hash: first.id,
      turn: 1,
    });
    await world.mineMany(8);
    expect(await world.payout(id)).toMatchObject({ status: 'confirmed', tx_hash: first.id });
    await world.pay();
    expect(await world.attempts(id)).toEqual([first.id, second]);
    expect(await world.paid(id)).toBe(1);
  });

  test('gives its payouts back to the queue where another one can’t be built', async () => {
    await world.fund(100);
    const id = await world.ask(20);
    await world.pay();
    await world.mineMany(5, false);
    world.knobs.beforeSigning = () => {
      throw new Error('no answer');
    };
    expect(await world.pay()).toBe('signer_unreachable');
    const row = await world.payout(id);
    expect(row.status).toBe('queued');
    expect(row.batch_id).not.toBeNull();
  });
});
