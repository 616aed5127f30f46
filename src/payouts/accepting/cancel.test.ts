import { beforeEach, describe, expect, test } from 'vitest';
import { K, type Paying, payingInTests } from '../../../test/support/paying.js';
import { CONFIRMATIONS } from '../../../test/support/paying-chain.js';
import { cancelPayout } from './cancel.js';

let world: Paying;
payingInTests('user', (opened) => {
  world = opened;
});

/** As nothing of chain-teller would set it back. */
const QUEUE_AGAIN = `
  update outbound_payments set status = $2, tx_hash = null, batch_id = null, block_height = null,
         fee_lovelace = null, confirmed_at = null where id = $1`;
const FORGET_ATTEMPTS = 'delete from payout_attempts where payout_id = $1';

const cancel = (id: string) => cancelPayout(world.pool, id, { kind: 'operator', name: 'ops' }, K);

let id: string;
beforeEach(async () => {
  await world.fund(100, 100);
  await world.give('ann', 50);
  id = await world.ask(20, 'ann');
});

async function expectTooLate(why: RegExp): Promise<void> {
  const before = await world.balance('ann');
  const row = await world.payout(id);
  const outcome = await cancel(id);
  expect(outcome.type).toBe('too_late');
  expect('detail' in outcome ? outcome.detail : '').toMatch(why);
  expect(await world.balance('ann')).toEqual(before);
  expect(await world.payout(id)).toEqual(row);
}

describe('what may be paid already isn’t cancelled, whatever its row says', () => {
  test.each(['queued', 'awaiting_approval'])('submitted, and said to be %s', async (status) => {
    await world.pay();
    await world.query(QUEUE_AGAIN, [id, status]);
    await expectTooLate(/may be paid already: transaction [0-9a-f]{64} pays it/);
    await world.mine();
    await expectTooLate(/the payout is in_block/);
  });

  test('in a block', async () => {
    await world.pay();
    await world.mine();
    await world.query(QUEUE_AGAIN, [id, 'queued']);
    await expectTooLate(/may be paid already: .*is in block/);
  });

  test('submitted, and by what is forgotten', async () => {
    await world.pay();
    await world.query(FORGET_ATTEMPTS, [id]);
    await world.query(QUEUE_AGAIN, [id, 'queued']);
    await expectTooLate(/may be paid already: .*was told to pay it/);
  });

  test('confirmed, and by what is forgotten', async () => {
    await world.pay();
    await world.mineMany(CONFIRMATIONS);
    await world.query(FORGET_ATTEMPTS, [id]);
    await world.query(QUEUE_AGAIN, [id, 'queued']);
    await expectTooLate(/may be paid already: its confirmation was told.*teller balance verify/);
  });
});

describe('what surely isn’t paid is cancelled', () => {
  test('never signed', async () => {
    expect(await cancel(id)).toMatchObject({ type: 'cancelled' });
    expect(await world.balance('ann')).toEqual({ available: 50_000_000, held: 0 });
  });

  test('before there was a block', async () => {
    await world.query('truncate blocks, sync_state cascade');
    expect(await cancel(id)).toMatchObject({ type: 'cancelled' });
  });

  test('signed, and let go because no fork brings that back', async () => {
    world.knobs.fate = () => ({ type: 'look_at_chain', reason: 'lost' });
    await world.pay();
    await world.mineMany(K + 6, false);
    await world.query("update outbound_payments set retry_at = now() + interval '1 day'");
    await world.pay();
    expect(await world.payout(id)).toMatchObject({ status: 'queued', batch_id: null });
    expect(await cancel(id)).toMatchObject({ type: 'cancelled' });
  });
});
