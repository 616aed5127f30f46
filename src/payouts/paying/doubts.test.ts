import { beforeEach, describe, expect, test } from 'vitest';
import {
  countingSignatures,
  K,
  type Paying,
  payingInTests,
  VALIDITY_SECONDS,
} from '../../../test/support/paying.js';
import { CONFIRMATIONS } from '../../../test/support/paying-chain.js';
import { inTransaction } from '../../database/transaction.js';
import { pruneHeaders } from '../../sync/queries.js';

let world: Paying;
payingInTests('treasury', (opened) => {
  world = opened;
});

const CONTROL = 'select paused_by as by, pause_reason as reason from payout_control';
const REFUSALS = `
  select entity_id as id from audit_log where action = 'payout.paused' and actor = 'payer'`;
/** As nothing of chain-teller would set it back. */
const QUEUE_AGAIN = `
  update outbound_payments set status = 'queued', tx_hash = null, batch_id = null, block_height = null,
         fee_lovelace = null, confirmed_at = null where id = $1`;
const FORGET_ATTEMPTS = 'delete from payout_attempts where payout_id = $1';
const JOIN_BATCH_OF = `
  update outbound_payments set batch_id = (select batch_id from outbound_payments where id = $2) where id = $1`;
const SWAP_BATCHES = `
  update outbound_payments p set batch_id = o.batch_id from outbound_payments o
   where p.id = any($1::text[]) and o.id = any($1::text[]) and o.id <> p.id`;
/** An output of the wallet that no transaction spends. */
const ANOTHER_ANCHOR = `
  update payout_batches b set anchor_tx_hash = w.tx_hash, anchor_index = w.output_index
    from wallet_outputs w
   where not exists (select 1 from payout_transaction_inputs i
                      where i.input_tx_hash = w.tx_hash and i.input_index = w.output_index)`;
const LET_GO = `update payout_batches set released_at = now(), release_reason = 'x' where released_at is null`;

const signed = countingSignatures(() => world);
beforeEach(() => world.fund(100, 100, 100));

/** Three payouts of the treasury, paid together. */
async function payThree(): Promise<[string, string, string]> {
  const ids: [string, string, string] = [
    await world.ask(5),
    await world.ask(6),
    await world.ask(7),
  ];
  await world.pay();
  return ids;
}

/** Rounds and blocks enough for whatever would be paid. */
async function goOn(): Promise<void> {
  for (let i = 0; i < CONFIRMATIONS + 1; i += 1) {
    await world.pay();
    await world.mine();
  }
}

async function expectRefused(id: string, why: RegExp): Promise<void> {
  const before = signed();
  expect(await world.pay()).toBe('paused');
  expect(signed()).toBe(before);
  const [control] = await world.query<{ by: string; reason: string }>(CONTROL);
  expect(control?.by).toBe('payer');
  expect(control?.reason).toMatch(why);
  expect(control?.reason).toContain(id);
  expect(await world.query(REFUSALS)).toContainEqual({ id });
}

describe('what may be paid already isn’t signed, whatever its row says', () => {
  test('its confirmation was told, and all traces of its transaction are gone', async () => {
    const [, , id] = await payThree();
    await world.mineMany(CONFIRMATIONS);
    expect(await world.status(id)).toBe('confirmed');
    await world.query(FORGET_ATTEMPTS, [id]);
    await world.query(QUEUE_AGAIN, [id]);
    await expectRefused(id, /its confirmation was told: payout\.confirmed:[0-9a-f]{32}:0/);
    await goOn();
    expect(await world.paid(id)).toBe(1);
    // Whoever resumes without looking is told again.
    await world.query('update payout_control set paused_at = null, paused_by = null');
    await expectRefused(id, /its confirmation was told/);
    await world.query(`update outbound_payments set status = 'confirmed' where id = $1`, [id]);
  });

  test.each([1, 3])('its confirmation was told, and its turn was raised by %i', async (by) => {
    const [id] = await payThree();
    await world.mineMany(CONFIRMATIONS);
    await world.query(FORGET_ATTEMPTS, [id]);
    await world.query(QUEUE_AGAIN, [id]);
    await world.query('update outbound_payments set turn = turn + $2 where id = $1', [id, by]);
    await expectRefused(id, /its confirmation was told/);
  });

  test('a transaction that pays it is in a block', async () => {
    const [id] = await payThree();
    await world.mine();
    expect(await world.status(id)).toBe('in_block');
    await world.query(QUEUE_AGAIN, [id]);
    await expectRefused(id, /pays it and is in block/);
  });

  test('a transaction that pays it is on its way, and its batch was let go by hand', async () => {
    const [id] = await payThree();
    await world.query('delete from wallet_reservations');
    await world.query(LET_GO);
    await world.query(QUEUE_AGAIN, [id]);
    await expectRefused(id, /pays it and may still come into a block/);
    await goOn();
    expect(await world.paid(id)).toBe(1);
  });

  test.each([0, 1])(
    'a transaction was told to pay it that isn’t known to, %i deep',
    async (deep) => {
      const [id] = await payThree();
      await world.mineMany(deep);
      await world.query(FORGET_ATTEMPTS, [id]);
      await world.query(QUEUE_AGAIN, [id]);
      await expectRefused(id, /was told to pay it, and isn't known to/);
      await goOn();
      expect(await world.paid(id)).toBe(1);
    },
  );

  test('a transaction names it, and nothing else tells of that any more', async () => {
    const [id] = await payThree();
    await world.mineMany(CONFIRMATIONS + 2);
    await world.query(FORGET_ATTEMPTS, [id]);
    await world.query('delete from outbox');
    await world.query(QUEUE_AGAIN, [id]);
    await expectRefused(id, /transaction [0-9a-f]{64} names it, and isn't known to pay it/);
    await goOn();
    expect(await world.paid(id)).toBe(1);
  });

  test('it isn’t known any more whom a transaction pays, nor what it named', async () => {
    const [id] = await payThree();
    await world.mineMany(CONFIRMATIONS + 2);
    await world.query(FORGET_ATTEMPTS, [id]);
    await world.query('delete from outbox');
    await world.query('update payout_transactions set cbor = null');
    await world.query(QUEUE_AGAIN, [id]);
    await expectRefused(id, /whom transaction [0-9a-f]{64} pays isn't known any more/);
  });

  test('another attempt isn’t signed either, nor anything else', async () => {
    world.knobs.fate = () => ({ type: 'look_at_chain', reason: 'lost' });
    const [id] = await payThree();
    await world.mineMany(6, false);
    await world.query(
      `insert into outbox (type, event_key, data) values ('payout.confirmed', $1, '{}')`,
      [`payout.confirmed:${id}:0`],
    );
    await world.ask(8);
    await expectRefused(id, /its confirmation was told/);
  });

  test('a batch that isn’t its own would pay it, and its own transaction may still land', async () => {
    world.knobs.fate = () => ({ type: 'look_at_chain', reason: 'lost' });
    const id = await world.ask(5);
    await world.pay();
    const other = await world.ask(6);
    await world.pay();
    await world.query(JOIN_BATCH_OF, [id, other]);
    await world.mineMany(6, false);
    await expectRefused(id, /pays it and may still come into a block/);
    expect(await world.attempts(id)).toHaveLength(1);
  });

  test('its batch was given another anchor by hand', async () => {
    world.knobs.fate = () => ({ type: 'look_at_chain', reason: 'lost' });
    const [id] = await payThree();
    await world.query('delete from wallet_reservations');
    await world.query(ANOTHER_ANCHOR);
    await world.mineMany(6, false);
    await expectRefused(id, /pays it and may still come into a block/);
  });

  test.each([0, 1])('the ledger has it as confirmed, and its turn was raised by %i', async (by) => {
    await world.give('ann', 50);
    const id = await world.ask(5, 'ann');
    await world.pay();
    await world.mineMany(CONFIRMATIONS);
    await world.query(FORGET_ATTEMPTS, [id]);
    await world.query(QUEUE_AGAIN, [id]);
    await world.query('update outbound_payments set turn = turn + $2 where id = $1', [id, by]);
    await world.query('delete from outbox');
    await expectRefused(id, /the ledger has it as confirmed, in turn 0/);
  });

  test('it doesn’t fail either, though what would have paid it was refused', async () => {
    await world.give('ann', 50);
    world.knobs.fate = () => ({ type: 'look_at_chain', reason: 'lost' });
    const id = await world.ask(5, 'ann');
    await world.pay();
    const [lost] = await world.attempts(id);
    // With a bound of its own, and so for longer.
    await world.query(
      'update payout_transactions set invalid_hereafter = 9999 where tx_hash = $1',
      [lost],
    );
    world.knobs.fate = () => ({ type: 'refused', reason: 'no' });
    const other = await world.ask(6);
    await world.query('update outbound_payments set alone = true where id = $1', [other]);
    await world.pay();
    await world.mineMany(K + 6, false);
    await world.query(SWAP_BATCHES, [[id, other]]);
    const before = await world.balance('ann');
    await expectRefused(id, /pays it and may still come into a block/);
    expect(await world.status(id)).toBe('queued');
    expect(await world.balance('ann')).toEqual(before);
  });

  test('what was signed while another hand changed the books is never submitted', async () => {
    const [, , id] = await payThree();
    await world.mineMany(CONFIRMATIONS);
    const other = await world.ask(8);
    const submitted = world.submitted.length;
    world.knobs.beforeSigning = async () => {
      await world.query(
        `insert into outbox (type, event_key, data) values ('payout.confirmed', $1, '{}') on conflict do nothing`,
        [`payout.confirmed:${other}:0`],
      );
    };
    expect(await world.pay()).toBe('paused');
    expect(world.submitted.length).toBe(submitted);
    expect(await world.status(id)).toBe('confirmed');
  });
});

test('what expired for good is paid again, also right after headers were pruned and blocks rolled back', async () => {
  world.knobs.fate = () => ({ type: 'refused', reason: 'no' });
  const [id] = await payThree();
  await world.mineMany(VALIDITY_SECONDS / 20 + K + 3, false);
  world.knobs.beforeSigning = () => {
    throw new Error('the signer is away');
  };
  expect(await world.pay()).toBe('signer_unreachable');
  expect(await world.query('select 1 from payout_batches where released_at is null')).toEqual([]);
  const { height } = world.chain.tip === 'origin' ? { height: 0 } : world.chain.tip;
  await inTransaction(world.pool, (tx) => pruneHeaders(tx, 0, height - K, 1));
  world.chain.rollBack(2);
  await world.mine([], false);
  world.knobs.beforeSigning = () => undefined;
  world.knobs.fate = () => null;
  await goOn();
  expect(await world.query(CONTROL)).toEqual([{ by: null, reason: null }]);
  expect(await world.status(id)).toBe('confirmed');
  expect(await world.paid(id)).toBe(1);
});

test('what a rollback took back is paid again', async () => {
  const [id] = await payThree();
  await world.mineMany(CONFIRMATIONS);
  expect(await world.status(id)).toBe('confirmed');
  world.chain.rollBack(CONFIRMATIONS);
  await world.mine([], false);
  expect(await world.status(id)).toBe('submitted');
  await world.mineMany(7, false);
  await goOn();
  expect(await world.status(id)).toBe('confirmed');
  expect((await world.payout(id)).turn).toBe(1);
});
