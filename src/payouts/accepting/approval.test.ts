import { describe, expect, test } from 'vitest';
import { act, ask, payoutsInTests, wanted } from '../../../test/support/payouts.js';

const { serve, served, query, give } = payoutsInTests();
const POLICY = { approvalAboveLovelace: 2_000_000n };
const large = wanted({ amountLovelace: '2000001', userId: 'ann' });
const approve = (url: string, id: string, key: string) => act(url, id, 'approve', key);

describe('a payout above the threshold', () => {
  test('waits for a second key, once, and then goes on', async () => {
    await give('ann', 5_000_000);
    await serve(POLICY, async (url) => {
      expect((await ask(url, wanted())).payout.status).toBe('queued');
      served.nudged = [];
      const { payout } = await ask(url, large);
      expect(payout.status).toBe('awaiting_approval');
      expect(served.nudged).toEqual([]);
      expect(await approve(url, payout.id, 'key-of-payer')).toMatchObject({
        status: 403,
        type: 'approval-by-creator',
      });
      const both = await Promise.all([1, 2].map(() => approve(url, payout.id, 'key-of-second')));
      expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
      expect(both.find(({ status }) => status === 200)?.payout).toMatchObject({
        status: 'queued',
        createdBy: 'key:payer',
        approvedBy: 'key:second',
      });
      expect(served.nudged).toEqual([payout.id]);
      expect((await approve(url, 'f'.repeat(32), 'key-of-second')).status).toBe(404);
    });
    const audited = await query("select actor from audit_log where action = 'payout.approved'");
    expect(audited).toEqual([{ actor: 'key:second' }]);
  });

  test('holds its amount while it waits, and can be cancelled', async () => {
    await give('ann', 3_000_000);
    await serve(POLICY, async (url) => {
      const { payout } = await ask(url, large);
      expect(await ask(url, large)).toMatchObject({ status: 422, type: 'insufficient-balance' });
      expect((await act(url, payout.id, 'cancel', 'key-of-payer')).status).toBe(200);
      expect((await approve(url, payout.id, 'key-of-second')).status).toBe(409);
      expect((await ask(url, large)).status).toBe(201);
    });
  });
});

describe('cancelling', () => {
  const cancel = (url: string, id: string) => act(url, id, 'cancel', 'key-of-payer');
  const inBatch = (id: string) =>
    query(
      `with batch as (
         insert into payout_batches (kind, anchor_tx_hash, anchor_index)
         values ('payout', repeat('a', 64), 0) returning id)
       update outbound_payments set batch_id = batch.id from batch where outbound_payments.id = $1`,
      [id],
    );

  test.each(['submitted', 'in_block', 'confirmed', 'failed', 'cancelled'])(
    'is too late for what is %s',
    async (status) => {
      await give('ann', 5_000_000);
      await serve({}, async (url) => {
        const { payout } = await ask(url, wanted({ userId: 'ann' }));
        await query('update outbound_payments set status = $1', [status]);
        const answer = await cancel(url, payout.id);
        expect(answer).toMatchObject({ status: 409, type: 'payout-not-cancellable' });
        expect(answer.detail).toContain(status);
      });
      expect(await query('select held from user_balances')).toEqual([{ held: '2000000' }]);
    },
  );

  test('is too late for what is queued again after a transaction was signed', async () => {
    await serve({}, async (url) => {
      const { payout } = await ask(url, wanted());
      await inBatch(payout.id);
      expect(await cancel(url, payout.id)).toMatchObject({ status: 409 });
      await query('update outbound_payments set batch_id = null');
      expect(await cancel(url, payout.id)).toMatchObject({ status: 200 });
    });
  });

  test('is impossible while payouts are held, also for what was asked for again since', async () => {
    await serve({}, async (url) => {
      const older = await ask(url, wanted());
      await query('update payout_control set held_at = now()');
      const newer = await ask(url, wanted());
      for (const { payout } of [older, newer]) {
        const answer = await cancel(url, payout.id);
        expect(answer).toMatchObject({ status: 409 });
        expect(answer.detail).toContain('held');
      }
      await query('update payout_control set held_at = null');
      expect(await cancel(url, newer.payout.id)).toMatchObject({ status: 200 });
    });
  });

  test('is impossible in a database that was restored, before whoever pays has noticed', async () => {
    await serve({}, async (url) => {
      const { payout } = await ask(url, wanted());
      await query(`update payout_control set identity = '{"system": "another"}'`);
      expect(await cancel(url, payout.id)).toMatchObject({ status: 409 });
    });
  });

  test('nothing is not found', async () => {
    await serve({}, async (url) => {
      expect((await cancel(url, 'f'.repeat(32))).status).toBe(404);
      expect((await cancel(url, 'x')).status).toBe(404);
    });
  });
});
