import { beforeEach, expect, test } from 'vitest';
import { type Paying, payingInTests } from '../../../test/support/paying.js';
import { requestFence } from '../accepting/pause.js';
import { SigningRefused } from '../signing/signer.js';

let world: Paying;
payingInTests('treasury', (opened) => {
  world = opened;
});

const ended = () =>
  world.events.flatMap((event) => (event.type === 'hold_ended' ? [event.how] : []));
const fences = () =>
  world.query<{ generation: number; tx_hash: string }>(
    `select b.generation, t.tx_hash from payout_batches b
       left join payout_transactions t on t.batch_id = b.id where b.kind = 'fence' order by b.id`,
  );
const rounds = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) await world.pay();
};

/** Held, and somebody asks for a fence. */
beforeEach(async () => {
  await world.fund(60, 60);
  await world.ask(5);
  await world.pay();
  await world.mineMany(3);
  world.knobs.generation += 1;
  await world.pay();
  await requestFence(world.pool, 'operator:test');
});

test('a fence that nodes refuse isn’t taken for one that is deep: the hold goes on', async () => {
  world.knobs.fate = () => ({ type: 'refused', reason: '3122: not enough' });
  await rounds(5);
  // At the same tip the same bytes come out: they stand in the fence that there is.
  expect(await fences()).toHaveLength(1);
  expect(ended()).toEqual([]);
  await world.mine();
  await rounds(2);
  expect((await fences()).map((fence) => fence.tx_hash)).not.toContain(null);
  expect(ended()).toEqual([]);
  world.knobs.fate = () => null;
  await world.mine();
  await rounds(2);
  await world.mineMany(3);
  await rounds(2);
  expect(ended()).toEqual(['fence']);
});

test('a wallet in which nothing is known to lie isn’t fenced by nothing', async () => {
  await world.query('delete from wallet_outputs where spent_by is null');
  await rounds(3);
  expect([await fences(), ended()]).toEqual([[], []]);
});

test('a wallet whose past isn’t known yet isn’t fenced in part', async () => {
  await world.query('delete from wallet_backfills');
  expect(await world.pay()).toBe('held');
  expect([await fences(), ended()]).toEqual([[], []]);
});

test('a signer that refuses a fence is said to, and asked again', async () => {
  world.knobs.beforeSigning = () => {
    throw new SigningRefused('not the whole wallet');
  };
  expect(await world.pay()).toBe('signer_refused');
  expect(await fences()).toEqual([]);
  world.knobs.beforeSigning = () => undefined;
  await world.pay();
  expect(await fences()).toHaveLength(1);
});
