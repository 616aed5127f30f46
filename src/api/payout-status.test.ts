import { beforeEach, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { HOT_WALLET, serveInTests } from '../../test/support/http.js';
import type { PayoutStatusView } from '../health/payout-status.js';
import { buildHttp } from './server.js';

const { under, get } = serveInTests();
const query = (text: string, values: unknown[] = []) => under.database.pool.query(text, values);
const hash = (digit: string) => digit.repeat(64);

/** 100 ada to spend, 40 reserved, 7 with an uninvited token; 12 ada of payouts and a fee left yesterday. */
async function fillBooks(): Promise<void> {
  const token = JSON.stringify({ ['cd'.repeat(28)]: '1' });
  await query(
    `insert into wallet_outputs (tx_hash, output_index, partition_id, address, amount_lovelace, assets,
                                 spent_by, spent_height)
     values ('${hash('1')}', 0, 0, $1, 100000000, '{}', null, null),
            ('${hash('2')}', 0, 0, $1, 40000000, '{}', null, null),
            ('${hash('3')}', 0, 0, $1, 7000000, $2, null, null),
            ('${hash('4')}', 0, 0, $1, 9000000, '{}', '${hash('a')}', 100)`,
    [HOT_WALLET, token],
  );
  await query(
    `insert into payout_batches (kind, anchor_tx_hash, anchor_index) values ('payout', '${hash('2')}', 0)`,
  );
  await query(`insert into wallet_reservations select '${hash('2')}', 0, id from payout_batches`);
  await query(
    `insert into payout_transactions (tx_hash, batch_id, fee_lovelace, block_hash, block_height, slot)
     select t.hash, b.id, 500000, t.hash, 100, t.slot
       from payout_batches b, (values ('${hash('a')}', 1900), ('${hash('b')}', -90000)) as t (hash, slot)`,
  );
  await query(
    `insert into outbound_payments (id, destination_address, amount_lovelace, status, created_by, created_at,
                                    approved_at)
     values (repeat('1', 32), $1, 11500000, 'in_block', 'test', now() - interval '1 day', null),
            (repeat('2', 32), $1, 2000000, 'queued', 'test', now() - interval '1 hour', now() - interval '5 minutes'),
            (repeat('3', 32), $1, 2000000, 'queued', 'test', now(), null),
            (repeat('4', 32), $1, 2000000, 'failed', 'test', now(), null)`,
    [enterpriseAddress(1)],
  );
  await query(
    `insert into payout_attempts values (repeat('1', 32), '${hash('a')}', 0, 500000),
                                        (repeat('1', 32), '${hash('b')}', 0, 500000)`,
  );
}

const status = async () =>
  (await get('/status', 'x')).body as PayoutStatusView & { queueDepths: object };
const metric = async (name: string) =>
  String((await get('/metrics', 'x')).body)
    .split('\n')
    .filter((line) => line.startsWith(name));

beforeEach(async () => {
  await query('truncate outbound_payments, payout_batches, wallet_outputs cascade');
  await query('update payout_control set paused_at = null, held_at = null');
  await fillBooks();
});

describe('/status', () => {
  test('tells where payouts stand', async () => {
    await query(
      "update payout_control set paused_at = now(), paused_by = 'ann', pause_reason = 'odd'",
    );
    await query(
      "update payout_control set held_at = now(), hold_reason = 'restored', hold_until_slot = 7",
    );
    const told = await status();
    expect(told.payouts).toMatchObject({ queued: 2, in_block: 1, failed: 1, confirmed: 0 });
    expect(told.payoutsPaused).toMatchObject({ by: 'ann', reason: 'odd' });
    expect(told.payoutsPaused?.since).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(told.payoutsHeld).toMatchObject({ reason: 'restored', untilSlot: 7 });
    expect(told.oldestPayoutSeconds).toMatchObject({ submitted: null, awaiting_approval: null });
    // From its approval on, not from its request.
    expect(told.oldestPayoutSeconds?.queued).toBeGreaterThanOrEqual(300);
    expect(told.oldestPayoutSeconds?.queued).toBeLessThan(400);
  });

  test('tells what the wallet holds, and how long it lasts', async () => {
    expect((await status()).hotWallet).toEqual({
      address: HOT_WALLET,
      lovelace: '147000000',
      spendable: '100000000',
      reserved: '40000000',
      quarantined: '7000000',
      unspentOutputs: 3,
      spendableOutputs: 1,
      outflowOfDay: '12000000',
      hoursLeft: 280,
    });
  });

  test('tells what this instance does, and how long the queue is, where it knows', async () => {
    expect(await status()).toMatchObject({ payer: null, queueDepths: null });
    const app = buildHttp({
      ...under.deps,
      payerVitals: () => ({
        epoch: 4n,
        waiting: { why: 'too_little_funds', detail: 'it lacks 5 lovelace', since: 0 },
      }),
      queueDepths: () => Promise.resolve({ waiting: 3 }),
    });
    const answer = await app.inject({ url: '/status' });
    expect(answer.json()).toMatchObject({
      payer: {
        pays: true,
        epoch: 4,
        waiting: { why: 'too_little_funds', since: '1970-01-01T00:00:00.000Z' },
      },
      queueDepths: { waiting: 3 },
    });
    await app.close();
    const broken = buildHttp({ ...under.deps, queueDepths: () => Promise.reject(new Error('no')) });
    expect((await broken.inject({ url: '/status' })).json()).toMatchObject({ queueDepths: null });
    await broken.close();
  });

  test('has no wallet where none is named, or no block was followed', async () => {
    const app = buildHttp({ ...under.deps, hotWalletAddress: null });
    expect((await app.inject({ url: '/status' })).json()).toMatchObject({ hotWallet: null });
    await app.close();
    await query(
      'update sync_state set last_block_height = null, last_block_hash = null, last_slot = null',
    );
    expect((await status()).hotWallet).toBeNull();
    expect(await metric('hot_wallet_balance_ada')).toEqual([]);
  });
});

describe('/metrics', () => {
  test('has the balance of the wallet, reserved and quarantined included, and the open payouts', async () => {
    expect(await metric('hot_wallet_balance_ada')).toEqual(['hot_wallet_balance_ada 147']);
    expect(await metric('payout_queue_depth')).toEqual([
      'payout_queue_depth{state="awaiting_approval"} 0',
      'payout_queue_depth{state="queued"} 2',
      'payout_queue_depth{state="submitted"} 0',
      'payout_queue_depth{state="in_block"} 1',
    ]);
    expect(await metric('payouts_paused')).toEqual([
      'payouts_paused{by="person"} 0',
      'payouts_paused{by="chain"} 0',
      'payouts_paused{by="payer"} 0',
    ]);
  });

  test('tells of attempts that could both be in a chain', async () => {
    expect(await metric('payout_attempts_without_common_input')).toEqual([
      'payout_attempts_without_common_input 1',
    ]);
  });
});
