import { expect, test } from 'vitest';
import { type Paying, payingInTests } from '../../../test/support/paying.js';

let world: Paying;
payingInTests('treasury', (opened) => {
  world = opened;
});

const LET_GO = `
  with b as (update payout_batches set released_at = now(), release_reason = 'x' where released_at is null),
  r as (delete from wallet_reservations)
  update outbound_payments set status = 'queued', tx_hash = null, batch_id = null, fee_lovelace = null
   where id = $1`;
const CONTROL = 'select paused_by as by, pause_reason as reason from payout_control';
const RESUME = 'update payout_control set paused_at = null, paused_by = null, pause_reason = null';

async function expectStillOnItsWay(id: string): Promise<void> {
  expect(await world.pay()).toBe('paused');
  const [control] = await world.query<{ by: string; reason: string }>(CONTROL);
  expect(control?.by).toBe('payer');
  expect(control?.reason).toMatch(/pays it and may still come into a block/);
  expect(await world.attempts(id)).toHaveLength(1);
}

test('what it spends went away with a fork, and may come back', async () => {
  await world.fund(50);
  const deposit = await world.fund(100);
  const id = await world.ask(60);
  await world.pay();
  await world.query(LET_GO, [id]);
  world.chain.rollBack(1);
  await world.fund(200);
  await expectStillOnItsWay(id);
  await world.mine(deposit.transactions);
  await world.mine();
  await world.mine();
  expect(await world.paid(id)).toBe(1);
});

test('another transaction spent what it spends, in a block that a fork may take back', async () => {
  await world.fund(50);
  await world.fund(100);
  const id = await world.ask(60);
  await world.pay();
  const [signed = ''] = await world.attempts(id);
  const [input = ''] = await world.inputsOf(signed);
  await world.query(LET_GO, [id]);
  await world.mine(
    [{ spend: [input], pay: [{ address: world.chain.faucet, lovelace: 2_000_000n }] }],
    false,
  );
  await world.fund(200);
  await world.query(RESUME);
  await expectStillOnItsWay(id);
  world.chain.rollBack(2);
  for (const { cbor } of world.submitted) world.chain.mempool.submit(cbor);
  await world.mine();
  await world.mine();
  expect(await world.paid(id)).toBe(1);
});
