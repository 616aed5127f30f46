import { beforeEach, describe, expect, test } from 'vitest';
import { countingSignatures, K, type Paying, payingInTests } from '../../../test/support/paying.js';
import { CONFIRMATIONS } from '../../../test/support/paying-chain.js';
import { inTransaction } from '../../database/transaction.js';
import { resumePayouts } from '../../payouts/accepting/pause.js';
import { checkPayouts } from './payout-check-queries.js';

let world: Paying;
payingInTests('treasury', (opened) => {
  world = opened;
});

const signed = countingSignatures(() => world);
beforeEach(() => world.fund(100, 100, 100));

const CONTROL = 'select paused_by as by, pause_reason as reason from payout_control';
/** As nothing of chain-teller would set it back. */
const QUEUE_AGAIN = `
  update outbound_payments set status = 'queued', tx_hash = null, batch_id = null, block_height = null,
         fee_lovelace = null, confirmed_at = null where tx_hash = $1`;
const FORGET = [
  'delete from payout_attempts where tx_hash = $1',
  'delete from payout_change where tx_hash = $1',
  'delete from payout_transaction_inputs where tx_hash = $1',
  'delete from payout_transactions where tx_hash = $1',
];
const EVENTS = "delete from outbox where type = 'payout.submitted'";
const RESERVATIONS = 'delete from wallet_reservations';
const BATCHES = 'delete from payout_batches';

/** A payout that is signed, and the transaction that pays it. */
async function payOne(): Promise<[id: string, txHash: string]> {
  const id = await world.ask(5);
  await world.pay();
  return [id, (await world.attempts(id))[0] ?? 'no attempt'];
}

/** As somebody does who turns off what holds references. */
const withoutReferences = (text: string, values: unknown[]) =>
  inTransaction(world.pool, async (tx) => {
    await tx.query("set local session_replication_role = 'replica'");
    await tx.query(text, values);
  });

async function forget(txHash: string): Promise<void> {
  await world.query(QUEUE_AGAIN, [txHash]);
  for (const text of FORGET) await world.query(text, [txHash]);
}

const problems = async (): Promise<string[]> =>
  (await checkPayouts(world.pool, 100, K)).shown.map(({ problem }) => problem);

async function expectRefused(why: RegExp): Promise<void> {
  const before = signed();
  expect(await world.pay()).toBe('paused');
  expect(signed()).toBe(before);
  const [control] = await world.query<{ by: string; reason: string }>(CONTROL);
  expect(control?.by).toBe('payer');
  expect(control?.reason).toMatch(why);
}

/** What is under way lands, and whatever would be paid again is. */
async function expectPaidOnce(id: string): Promise<void> {
  for (let i = 0; i < CONFIRMATIONS + 1; i += 1) {
    await world.mine();
    await world.pay();
  }
  expect(await world.paid(id)).toBe(1);
}

describe('a transaction on its way is gone from the database, and what it pays is queued again', () => {
  test('its event stands', async () => {
    const [id, txHash] = await payOne();
    await forget(txHash);
    await world.query(RESERVATIONS);
    await world.query(BATCHES);
    expect(await problems()).toEqual(['told_submitted']);
    await expectRefused(new RegExp(`${id}: transaction ${txHash} was told to pay it, and is gone`));
    await expectPaidOnce(id);
  });

  test('its attempt stands, which no reference holds any more', async () => {
    const [id, txHash] = await payOne();
    await world.query(QUEUE_AGAIN, [txHash]);
    await withoutReferences('delete from payout_transactions where tx_hash = $1', [txHash]);
    for (const text of [EVENTS, RESERVATIONS, BATCHES]) await world.query(text);
    expect(await problems()).toEqual(['told_submitted']);
    await expectRefused(new RegExp(`${id}: transaction ${txHash} was told to pay it, and is gone`));
    for (const text of FORGET) await world.query(text, [txHash]);
    await expectPaidOnce(id);
  });

  test.each([
    ['what is reserved for it', BATCHES, 'its batch'],
    ['its batch', RESERVATIONS, 'what is reserved for it'],
  ])('%s stands', async (_, lost) => {
    const [id, txHash] = await payOne();
    await forget(txHash);
    await world.query(EVENTS);
    await withoutReferences(lost, []);
    expect(await problems()).toEqual(['no_transaction']);
    await expectRefused(
      /output [0-9a-f]{64}#\d+ is kept for batch \d+, and no transaction of it spends it/,
    );
    await expectPaidOnce(id);
  });

  test('it spent the change of another one that is on its way', async () => {
    world.knobs.deps = { unconfirmedMax: 1 };
    await world.query(
      'delete from wallet_outputs where amount_lovelace > 0 and (tx_hash, output_index) <> (select tx_hash, output_index from wallet_outputs order by 1, 2 limit 1)',
    );
    await payOne();
    const [id, txHash] = await payOne();
    expect(await world.query('select from wallet_outputs')).toHaveLength(1);
    await forget(txHash);
    await world.query(EVENTS);
    expect(await problems()).toEqual(['no_transaction']);
    await expectRefused(/is kept for batch \d+, and no transaction of it spends it/);
    await expectPaidOnce(id);
  });
});

test('it isn’t known whom a transaction pays that says to be adopted', async () => {
  const [id, txHash] = await payOne();
  await world.mineMany(CONFIRMATIONS);
  expect(await world.status(id)).toBe('confirmed');
  await world.query('delete from outbox');
  await world.query('delete from payout_attempts');
  await world.query('update payout_transactions set adopted = true, cbor = null');
  await world.query('delete from outbound_payments');
  await world.ask(6);
  expect(await problems()).toContain('attempts');
  await expectRefused(new RegExp(`whom transaction ${txHash} pays isn't known any more`));
});

describe('a payout that was paid is gone from the database', () => {
  let id: string;
  let txHash: string;
  let body: ReturnType<typeof world.newBody>;
  const askAgain = () => world.post('lost', body);

  beforeEach(async () => {
    await payOne();
    await world.mineMany(CONFIRMATIONS);
    body = world.newBody(6);
    const asked = await askAgain();
    id = asked.type === 'created' ? asked.payout.id : 'none';
    await world.pay();
    [txHash = 'no attempt'] = await world.attempts(id);
    await world.mineMany(CONFIRMATIONS);
    expect(await world.status(id)).toBe('confirmed');
    await forget(txHash);
    await world.query("delete from outbox where data ->> 'id' = $1", [id]);
  });
  const forgetRow = () => world.query('delete from outbound_payments where id = $1', [id]);
  const explain = (entityType: string, entityId: string) =>
    world.query(
      `insert into audit_log (action, entity_type, entity_id, actor) values ('payout.explained', $1, $2, 'operator:ops')`,
      [entityType, entityId],
    );

  test('so that nobody knows what spent from the wallet, and its row waits in the queue', async () => {
    expect(await problems()).toEqual(['unknown_spend']);
    const why = new RegExp(
      `transaction ${txHash} spent from the hot wallet at height \\d+, and isn't known`,
    );
    await expectRefused(why);
    await resumePayouts(world.pool, 'operator:ops');
    await expectRefused(why);
    expect(await world.paid(id)).toBe(1);
  });

  test('and isn’t accepted again, until a person explains what became of it', async () => {
    await forgetRow();
    expect(await problems()).toEqual(['unknown_spend', 'no_row']);
    await expect(askAgain()).rejects.toThrow(
      `payout ${id} was accepted before, and its row is gone`,
    );
    await world.ask(7);
    await expectRefused(/spent from the hot wallet/);
    await explain('payout_transaction', txHash);
    await explain('payout', id);
    expect(await problems()).toEqual([]);
    await resumePayouts(world.pool, 'operator:ops');
    expect(await world.pay()).toBeNull();
    await expect(askAgain()).rejects.toThrow('its row is gone');
  });

  test('and was accepted again all the same', async () => {
    await forgetRow();
    await explain('payout_transaction', txHash);
    await world.query("update audit_log set action = 'x' where entity_id = $1", [id]);
    await askAgain();
    await world.query("update audit_log set action = 'payout.created' where action = 'x'");
    expect(await problems()).toEqual(['accepted_twice']);
    await expectRefused(
      new RegExp(`${id}: it was accepted 2 times, and what became of it before isn't known`),
    );
    await explain('payout', id);
    expect(await problems()).toEqual([]);
    await world.query('delete from outbound_payments where id = $1', [id]);
  });
});

test('what others spend from the wallet is told of when it happens, and explained', async () => {
  await payOne();
  await world.mineMany(CONFIRMATIONS);
  const [output] = await world.query<{ reference: string }>(
    "select tx_hash || '#' || output_index as reference from wallet_outputs where spent_by is null",
  );
  await world.mine([{ spend: [output?.reference ?? ''], pay: [], change: world.chain.faucet }]);
  expect(await world.query(CONTROL)).toMatchObject([{ by: 'chain' }]);
  expect(await problems()).toEqual([]);
  await resumePayouts(world.pool, 'operator:ops');
  await world.ask(3);
  expect(await world.pay()).toBeNull();
});

test('what is sound is told sound, and paid', async () => {
  const [first] = await payOne();
  const [second] = await payOne();
  expect(await problems()).toEqual([]);
  await world.mineMany(CONFIRMATIONS);
  const [third] = await payOne();
  await world.mineMany(CONFIRMATIONS);
  for (const id of [first, second, third]) expect(await world.status(id)).toBe('confirmed');
  expect(await problems()).toEqual([]);
});
