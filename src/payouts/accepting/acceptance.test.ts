import { describe, expect, test } from 'vitest';
import { longAddress } from '../../../test/support/addresses.js';
import {
  act,
  ask,
  DESTINATION,
  payoutsInTests,
  UNIT,
  wanted,
} from '../../../test/support/payouts.js';
import { Secret } from '../../config.js';
import { verifyBalances } from '../../payments/balance-reads.js';
import { payoutId } from '../model/identity.js';

const { serve, served, query, give, under } = payoutsInTests();
const ADA = 1_000_000n;
const SECRET = 'a-secret-for-payout-ids';

const balance = async (userId: string, unit = 'lovelace') =>
  (
    await query<{ available: string; held: string }>(
      'select available, held from user_balances where user_id = $1 and unit = $2',
      [userId, unit],
    )
  )[0];
const entries = async () =>
  (
    await query<Record<string, string>>(
      `select unit, bucket, type, amount, reason, payout_turn from balance_transactions
        where payout_id is not null order by id`,
    )
  ).map((row) => Object.values(row).join(' '));
const counted = (answers: readonly { status: number }[]) => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};
const times = (count: number) => Array.from({ length: count }, (_, position) => position);
const booksAreRight = async () =>
  expect((await verifyBalances(under.database.pool)).mismatchCount).toBe(0);

test('what was accepted before isn’t made again where its row is gone, and others are accepted', async () => {
  await serve({}, async (url) => {
    expect((await ask(url, wanted(), { idempotencyKey: 'lost' })).status).toBe(201);
    await query('delete from outbound_payments');
    const answers = await Promise.all([
      ask(url, wanted(), { idempotencyKey: 'new' }),
      ask(url, wanted(), { idempotencyKey: 'lost' }),
    ]);
    expect(answers.map(({ status, type }) => [status, type])).toEqual([
      [201, null],
      [503, 'books-contradict'],
    ]);
    expect((await ask(url, wanted(), { idempotencyKey: 'new' })).status).toBe(200);
  });
  expect(await query('select from outbound_payments')).toHaveLength(1);
});

describe('at the same time', () => {
  test('50 equal requests at two instances make one payout', async () => {
    await give('ann', 100n * ADA);
    await serve({}, (one) =>
      serve({}, async (two) => {
        const body = wanted({ userId: 'ann' });
        const answers = await Promise.all(
          times(50).map((n) => ask(n % 2 ? one : two, body, { idempotencyKey: 'same' })),
        );
        expect(counted(answers)).toEqual({ 200: 49, 201: 1 });
        expect(new Set(answers.map(({ payout }) => payout.id)).size).toBe(1);
      }),
    );
    expect(await balance('ann')).toEqual({ available: '98000000', held: '2000000' });
    await booksAreRight();
  });

  test('of two bodies with one key at two instances, one wins', async () => {
    await serve({}, (one) =>
      serve({}, async (two) => {
        const answers = await Promise.all(
          times(20).map((n) =>
            ask(n % 2 ? one : two, wanted({ referenceId: `${n % 2}` }), { idempotencyKey: 'k' }),
          ),
        );
        expect(counted(answers)).toEqual({ 201: 1, 200: 9, 409: 10 });
      }),
    );
    expect(await query('select from outbound_payments')).toHaveLength(1);
  });

  test('50 payouts of a balance for 10 are exactly 10', async () => {
    await give('ann', 20n * ADA + 1n);
    await serve({}, (one) =>
      serve({}, async (two) => {
        const answers = await Promise.all(
          times(50).map((n) => ask(n % 2 ? one : two, wanted({ userId: 'ann' }))),
        );
        expect(counted(answers)).toEqual({ 201: 10, 422: 40 });
        expect(new Set(answers.map(({ type }) => type))).toEqual(
          new Set([null, 'insufficient-balance']),
        );
      }),
    );
    expect(await balance('ann')).toEqual({ available: '1', held: '20000000' });
    expect(await query('select from outbound_payments')).toHaveLength(10);
    await booksAreRight();
  });

  test('50 payouts under a daily limit for 10 are exactly 10, and a cancelled one makes room', async () => {
    const policy = { dailyLimitLovelace: 20n * ADA + 1n };
    await serve(policy, (one) =>
      serve(policy, async (two) => {
        const answers = await Promise.all(times(50).map((n) => ask(n % 2 ? one : two, wanted())));
        expect(counted(answers)).toEqual({ 201: 10, 422: 40 });
        const refused = answers.find(({ status }) => status === 422);
        expect(refused?.type).toBe('payout-limit-exceeded');
        expect(refused?.detail).toContain('leaves ');
        const [accepted] = answers.filter(({ status }) => status === 201);
        await act(one, accepted?.payout.id ?? '', 'cancel', 'key-of-payer');
        expect(counted(await Promise.all([ask(one, wanted()), ask(two, wanted())]))).toEqual({
          201: 1,
          422: 1,
        });
        await query("update outbound_payments set created_at = created_at - interval '24 hours'");
        expect((await ask(two, wanted())).status).toBe(201);
      }),
    );
    await booksAreRight();
  });

  test('users and units in every order wait for each other in no circle', async () => {
    const users = ['ann', 'bob', 'cid', 'dan'];
    for (const user of users) {
      await give(user, 1000n * ADA);
      await give(user, 1000n, UNIT);
    }
    await serve({}, (one) =>
      serve({}, async (two) => {
        const answers = await Promise.all(
          times(120).map((n) =>
            ask(
              n % 2 ? one : two,
              wanted({ userId: users[(n * 7) % 4], ...(n % 3 ? { assets: { [UNIT]: '1' } } : {}) }),
            ),
          ),
        );
        expect(counted(answers)).toEqual({ 201: 120 });
      }),
    );
    await booksAreRight();
  });
});

describe('what a user asks for', () => {
  test('is held at once, with an estimate of the fee where the user bears it', async () => {
    await give('ann', 5n * ADA);
    await give('ann', 7n, UNIT);
    await serve({ fees: 'user' }, async (url) => {
      const body = wanted({ userId: 'ann', assets: { [UNIT]: '7' } });
      expect(await ask(url, body)).toMatchObject({ status: 201, payout: { userId: 'ann' } });
      expect(await ask(url, body)).toMatchObject({ status: 422, type: 'insufficient-balance' });
    });
    expect(await entries()).toEqual([
      'lovelace available debit 2210000 payout_held 0',
      `${UNIT} available debit 7 payout_held 0`,
      'lovelace held credit 2210000 payout_held 0',
      `${UNIT} held credit 7 payout_held 0`,
    ]);
    expect(await balance('ann')).toEqual({ available: '2790000', held: '2210000' });
    expect(await balance('ann', UNIT)).toEqual({ available: '0', held: '7' });
    await booksAreRight();
  });

  test('needs the fee too, to the lovelace', async () => {
    await give('ann', 2_199_999);
    await give('bob', 2_200_000);
    await serve({ fees: 'user' }, async (url) => {
      const short = await ask(url, wanted({ userId: 'ann' }));
      expect(short).toMatchObject({ status: 422, type: 'insufficient-balance' });
      expect(short.detail).toBe(
        'available are 2199999 of lovelace, wanted are 2200000 (with the estimated fee)',
      );
      expect((await ask(url, wanted({ userId: 'bob' }))).status).toBe(201);
      expect((await ask(url, wanted())).status).toBe(201);
    });
  });

  test('comes back whole when it is cancelled', async () => {
    await give('ann', 5n * ADA);
    await serve({ fees: 'user' }, async (url) => {
      const { payout } = await ask(url, wanted({ userId: 'ann' }));
      const cancelled = await act(url, payout.id, 'cancel', 'key-of-payer');
      expect(cancelled).toMatchObject({ status: 200, payout: { status: 'cancelled' } });
      expect((await act(url, payout.id, 'cancel', 'key-of-payer')).status).toBe(409);
    });
    expect((await entries()).slice(2)).toEqual([
      'lovelace held debit 2200000 payout_released 0',
      'lovelace available credit 2200000 payout_released 0',
    ]);
    expect(await balance('ann')).toEqual({ available: '5000000', held: '0' });
    await booksAreRight();
  });
});

describe('a payout that was adopted from the chain', () => {
  const id = payoutId(new Secret(SECRET), 'payer', 'lost');
  const adopt = (status: string, fee: string | null = '180000') =>
    query(
      `insert into outbound_payments (id, destination_address, amount_lovelace, assets, status, turn,
         adopted, created_by, fee_lovelace) values ($1, $2, 2000000, '{}', $3, 1, true, 'chain', $4)`,
      [id, DESTINATION, status, fee],
    );
  const body = wanted({ userId: 'ann', referenceId: 'r', metadata: { a: 1 } });
  const again = { idempotencyKey: 'lost' };

  test('answers its repeated POST, and is charged from then on, once', async () => {
    await adopt('in_block');
    await serve({ fees: 'user' }, (one) =>
      serve({ fees: 'user' }, async (two) => {
        const answers = await Promise.all(
          times(10).map((n) => ask(n % 2 ? one : two, body, again)),
        );
        expect(counted(answers)).toEqual({ 200: 10 });
        expect(answers[0]?.payout).toMatchObject({
          id,
          status: 'in_block',
          userId: 'ann',
          referenceId: 'r',
          metadata: { a: 1 },
          createdBy: 'key:payer',
        });
        const other = await ask(one, { ...body, referenceId: 'x' }, again);
        expect(other).toMatchObject({ status: 409, type: 'idempotency-key-reused' });
      }),
    );
    expect(await entries()).toEqual([
      'lovelace available debit 2200000 payout_held 1',
      'lovelace held credit 2200000 payout_held 1',
    ]);
    expect(await balance('ann')).toEqual({ available: '-2200000', held: '2200000' });
    expect(
      await query('select booked, api_key, idempotency_key, held_fee from outbound_payments'),
    ).toEqual([{ booked: true, api_key: 'payer', idempotency_key: 'lost', held_fee: '200000' }]);
    expect(await query("select actor from audit_log where action = 'payout.claimed'")).toEqual([
      { actor: 'key:payer' },
    ]);
    expect(served.nudged).toEqual([]);
    await booksAreRight();
  });

  test('and is confirmed is debited for good, with the fee that it had', async () => {
    await adopt('confirmed');
    await serve({ fees: 'user' }, async (url) => {
      expect((await ask(url, body, again)).status).toBe(200);
    });
    expect(await balance('ann')).toEqual({ available: '-2180000', held: '0' });
    expect((await entries()).slice(2)).toEqual([
      'lovelace held debit 2000000 payout_confirmed 1',
      'lovelace held debit 180000 payout_fee 1',
      'lovelace held debit 20000 payout_released 1',
      'lovelace available credit 20000 payout_released 1',
    ]);
    await booksAreRight();
  });

  test('costs no fee that nobody knows', async () => {
    await adopt('confirmed', null);
    await serve({ fees: 'user' }, (url) => ask(url, body, again));
    expect(await balance('ann')).toEqual({ available: '-2000000', held: '0' });
  });

  test.each([
    ['amount', { amountLovelace: '2000001' }],
    ['destination', { destinationAddress: longAddress(501) }],
  ])('is a conflict with another %s', async (_, more) => {
    await adopt('in_block');
    await serve({}, async (url) => {
      expect((await ask(url, { ...body, ...more }, again)).status).toBe(409);
    });
    expect(await query('select user_id, body_hash from outbound_payments')).toEqual([
      { user_id: null, body_hash: null },
    ]);
  });

  test('and has failed since is charged to nobody', async () => {
    await adopt('failed');
    await serve({}, async (url) => {
      const answer = await ask(url, body, again);
      expect(answer).toMatchObject({ status: 200, payout: { status: 'failed' } });
    });
    expect(await entries()).toEqual([]);
  });
});
