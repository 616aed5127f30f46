import { describe, expect, test } from 'vitest';
import { longAddress } from '../../test/support/addresses.js';
import { ask, DESTINATION, payoutsInTests, wanted } from '../../test/support/payouts.js';
import { payoutView } from './schemas.js';

const { serve, served, query, give, under } = payoutsInTests();

describe('asking for a payout', () => {
  test('answers 201 with where it is, the same again 200, and nudges whoever pays once', async () => {
    await serve({}, async (url) => {
      const key = { idempotencyKey: 'order-1001' };
      const body = wanted({ referenceId: 'r1', metadata: { b: 1, a: [2] } });
      const first = await ask(url, body, key);
      expect(first).toMatchObject({
        status: 201,
        payout: {
          status: 'queued',
          destinationAddress: DESTINATION,
          amountLovelace: '2000000',
          assets: {},
          userId: null,
          referenceId: 'r1',
          txHash: null,
          feeLovelace: null,
          failureReason: null,
          createdBy: 'key:payer',
          confirmedAt: null,
        },
      });
      expect(payoutView.strict().safeParse(first.payout).error).toBeUndefined();
      const { metadata, referenceId, ...rest } = body as Record<string, unknown>;
      const reordered = {
        metadata: { a: [2], b: 1 },
        userId: null,
        ...rest,
        assets: {},
        referenceId,
      };
      expect(metadata).toBeDefined();
      const again = await ask(url, reordered, key);
      expect(again).toEqual({ ...first, status: 200 });
      const listed = await fetch(`${url}/v1/payouts?status=queued&referenceId=r1`, READER);
      expect(await listed.json()).toEqual({ items: [first.payout], nextCursor: null });
      const shown = await fetch(`${url}/v1/payouts/${first.payout.id}`, READER);
      expect(await shown.json()).toEqual(first.payout);
      expect(served.nudged).toEqual([first.payout.id]);
    });
    const audited = await query('select action, entity_type, actor from audit_log');
    expect(audited).toEqual([
      { action: 'payout.created', entity_type: 'payout', actor: 'key:payer' },
    ]);
  });

  test.each([
    ['another amount', { amountLovelace: '2000001' }],
    ['another destination', { destinationAddress: longAddress(501) }],
    ['a user', { userId: 'ann' }],
    ['a reference', { referenceId: 'x' }],
    ['metadata', { metadata: {} }],
    ['another permission', { allowDepositAddress: true }],
  ])('with a key that was used, and %s, is a conflict', async (_, more) => {
    await give('ann', 10_000_000);
    await serve({}, async (url) => {
      await ask(url, wanted(), { idempotencyKey: 'k' });
      expect(await ask(url, wanted(more), { idempotencyKey: 'k' })).toMatchObject({
        status: 409,
        type: 'idempotency-key-reused',
      });
    });
    expect(await query('select from outbound_payments')).toHaveLength(1);
  });

  test('finds what was accepted under another PAYOUT_ID_SECRET, or before a rule changed', async () => {
    const key = { idempotencyKey: 'k' };
    const first = await serve({}, (url) => ask(url, wanted(), key));
    const { Secret } = await import('../config.js');
    const changed = { idSecret: new Secret('x'.repeat(30)), destinations: new Set<string>() };
    const again = await serve(changed, (url) => ask(url, wanted(), key));
    expect(again).toEqual({ ...first, status: 200 });
  });

  test('has idempotency keys of its own for each API key', async () => {
    await serve({}, async (url) => {
      const one = await ask(url, wanted(), { idempotencyKey: 'k' });
      const two = await ask(url, wanted(), { idempotencyKey: 'k', key: 'key-of-other-payer' });
      expect([one.status, two.status]).toEqual([201, 201]);
      expect(one.payout.id).not.toBe(two.payout.id);
    });
  });

  test('is possible while payouts are paused and held', async () => {
    await query("update payout_control set paused_at = now(), held_at = now(), hold_reason = 'x'");
    await serve({}, async (url) => {
      expect(await ask(url, wanted())).toMatchObject({ status: 201, payout: { status: 'queued' } });
    });
  });

  test('stays accepted whatever the queue does', async () => {
    const { buildHttp } = await import('./server.js');
    const nudge = (): never => {
      throw new Error('no queue');
    };
    const app = buildHttp({ ...under.deps, nudge });
    const url = await app.listen({ port: 0 });
    expect((await ask(url, wanted())).status).toBe(201);
    await app.close();
  });
});

const READER = { headers: { authorization: 'Bearer key-of-reader' } };

describe('the list', () => {
  test('comes by pages in the order of acceptance', async () => {
    await serve({}, async (url) => {
      const made = await Promise.all([1, 2, 3, 4, 5].map(() => ask(url, wanted())));
      const seen: string[] = [];
      let cursor = '';
      for (;;) {
        const answer = await fetch(`${url}/v1/payouts?limit=2${cursor}`, READER);
        const page = (await answer.json()) as {
          items: { id: string }[];
          nextCursor: string | null;
        };
        seen.push(...page.items.map((item) => item.id));
        if (page.nextCursor === null) break;
        cursor = `&cursor=${page.nextCursor}`;
      }
      expect(new Set(seen)).toEqual(new Set(made.map(({ payout }) => payout.id)));
      expect(seen).toHaveLength(5);
      for (const bad of ['status=done', 'cursor=x', 'destinationAddress=x', 'user=ann']) {
        expect((await fetch(`${url}/v1/payouts?${bad}`, READER)).status).toBe(400);
      }
      expect((await fetch(`${url}/v1/payouts/nothing`, READER)).status).toBe(404);
    });
  });
});
