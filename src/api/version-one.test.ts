import { beforeEach, describe, expect, test } from 'vitest';
import { longAddress } from '../../test/support/addresses.js';
import { serveInTests } from '../../test/support/http.js';
import { addressView, balancesView, ledgerEntryView, paymentView, problemView } from './schemas.js';
import { buildHttp } from './server.js';

const { under, call, get, post } = serveInTests();
const TX = 'c'.repeat(64);

describe('keys', () => {
  test.each([
    ['none', { authorization: '' }, 401],
    ['a wrong one', { authorization: 'Bearer key-of-nobody' }, 401],
    ['another scheme', { authorization: 'Basic key-of-all' }, 401],
    ['one without the scope', { authorization: 'Bearer key-of-reader' }, 403],
  ])('%s is refused', async (_, headers, status) => {
    const answer = await call({ method: 'POST', url: '/v1/addresses', payload: {}, headers });
    expect(answer.status).toBe(status);
    expect(problemView.safeParse(answer.body).success).toBe(true);
    expect(answer.headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined);
  });

  test('are in no log', async () => {
    await get('/v1/payments');
    await get('/v1/payments', 'key-of-nobody');
    expect(under.logged).toContain('"key":"all"');
    expect(under.logged).not.toMatch(/key-of-/);
  });

  test('without any configured, /v1 is off', async () => {
    const closed = buildHttp({ ...under.deps, apiKeys: null });
    const answer = await closed.inject({ url: '/v1/payments' });
    expect(answer.statusCode).toBe(404);
    expect(answer.body).toContain('API_KEYS');
    await closed.close();
  });
});

/** As a backfill does that wasn't asked to credit what it finds. */
const recordIgnored = (address: string) =>
  under.database.pool.query(
    `insert into incoming_payments
       (tx_hash, output_index, address, user_id, amount_lovelace, status, counted_from)
     values ($1, 0, $2, 'ann', 5000000, 'ignored', 7)`,
    [TX, address],
  );

describe('registering', () => {
  test('one: 201, the same again 200, another owner 409', async () => {
    const body = { address: longAddress(1), userId: 'ann', metadata: { plan: 'gold' } };
    const created = await post(body);
    expect(created).toMatchObject({ status: 201, body: { ...body, referenceType: null } });
    expect(created.headers.location).toBe(`/v1/addresses/${longAddress(1)}`);
    expect(addressView.safeParse(created.body).success).toBe(true);
    expect(await post(body)).toMatchObject({ status: 200, body: created.body });
    expect(await post({ ...body, userId: 'bob' })).toMatchObject({
      status: 409,
      body: { status: 409 },
    });
    const { rows } = await under.database.pool.query('select actor from audit_log');
    expect(rows).toEqual([{ actor: 'api:all' }]);
  });

  test.each([
    [{ address: 'addr1xyz', userId: 'ann' }, 'address'],
    [{ address: longAddress(1), userId: '' }, 'userId is empty'],
    [{ address: longAddress(1) }, 'userId'],
    [{ address: longAddress(1), userId: 'ann', colour: 'red' }, 'colour: is unknown'],
    [{ derive: true, userId: 'ann' }, 'derive: is not available in this version yet'],
    [{ address: longAddress(1), userId: 'ann', metadata: [1] }, 'metadata'],
    [{ address: longAddress(999), userId: 'ann' }, 'hot wallet'],
  ])('%j is refused with 422', async (body, why) => {
    const answer = await post(body);
    expect(answer).toMatchObject({ status: 422, body: { status: 422 } });
    expect((answer.body as { detail: string }).detail).toContain(why);
  });

  test('waits where another hand lost the cursor: nobody knows from where an address would count', async () => {
    await under.database.pool.query(
      `update sync_state set started = false, start_height = 7, last_slot = null, last_block_hash = null,
              last_block_height = null`,
    );
    const answer = await post({ address: longAddress(1), userId: 'ann' });
    expect(answer).toMatchObject({ status: 503, body: { status: 503 } });
    expect(problemView.safeParse(answer.body).success).toBe(true);
    expect(under.logged).toContain('another hand changed sync_state');
  });

  test('without backfill is what it is anyway', async () => {
    const body = { address: longAddress(1), userId: 'ann', backfill: false };
    expect(await post(body)).toMatchObject({ status: 201, body: { address: longAddress(1) } });
    expect(await post({ address: longAddress(1), userId: 'ann' })).toMatchObject({ status: 200 });
    expect(await post([body])).toMatchObject({
      status: 200,
      body: { items: [{ outcome: 'exists' }] },
    });
    const odd = await post({ ...body, backfill: 'no' });
    expect(odd).toMatchObject({ status: 422 });
    expect((odd.body as { detail: string }).detail).toContain('backfill');
  });

  test('with backfill may be asked for later, until the past was recorded as ignored', async () => {
    const body = { address: longAddress(1), userId: 'ann' };
    const view = { ...body, backfill: true, backfilledHeight: null };
    await post(body);
    expect(await post({ ...body, backfill: true })).toMatchObject({ status: 200, body: view });
    expect(await post({ ...body, backfill: true })).toMatchObject({ status: 200, body: view });
    expect(await post(body)).toMatchObject({ status: 200, body: view });
    const other = { address: longAddress(2), userId: 'ann' };
    await post(other);
    await recordIgnored(other.address);
    const refused = await post({ ...other, backfill: true });
    expect(refused).toMatchObject({ status: 409 });
    expect((refused.body as { detail: string }).detail).toBe(
      'the address is registered already, without backfill, ' +
        'and what it held before was recorded as ignored',
    );
    expect(await post(other)).toMatchObject({ status: 200, body: { backfill: false } });
  });

  test('a batch answers item by item, whatever is in it', async () => {
    await post({ address: longAddress(3), userId: 'ann' });
    const answer = await post([
      { address: longAddress(1), userId: 'ann' },
      7,
      { address: 'nonsense', userId: 'ann' },
      { address: longAddress(2), userId: 'ann', derive: true },
      { address: longAddress(3), userId: 'bob' },
      { address: longAddress(3), userId: 'ann' },
    ]);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        items: [
          { address: longAddress(1), outcome: 'created' },
          { address: '', outcome: 'invalid' },
          { address: 'nonsense', outcome: 'invalid' },
          {
            address: longAddress(2),
            outcome: 'invalid',
            detail: 'derive: is not available in this version yet',
          },
          { address: longAddress(3), outcome: 'conflict' },
          { address: longAddress(3), outcome: 'exists' },
        ],
      },
    });
    expect(await post([])).toMatchObject({ status: 200, body: { items: [] } });
  });

  test('10,000 fit, one more is too many', async () => {
    const batch = Array.from({ length: 10_001 }, (_, seed) => ({
      address: longAddress(seed + 1000),
      userId: 'ann',
    }));
    expect((await post(batch)).status).toBe(422);
    const answer = await post(batch.slice(1));
    expect(answer.status).toBe(200);
    expect((answer.body as { items: unknown[] }).items).toHaveLength(10_000);
  });
});

describe('reading', () => {
  beforeEach(async () => {
    await post(
      [1, 2, 3].map((seed) => ({ address: longAddress(seed), userId: `user ${seed % 2}/ü` })),
    );
    await under.database.pool.query(
      `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace,
         status, block_hash, block_height, slot, required_confirmations)
       select $1, seed, $2, 'user 1/ü', 18446744073709551615, 'pending', repeat('a', 64), 105, 1900, 15
         from generate_series(0, 2) as seed`,
      [TX, longAddress(1)],
    );
  });

  test('payments, by page and by filter', async () => {
    const first = await get('/v1/payments?limit=2', 'key-of-reader');
    const { items, nextCursor } = first.body as { items: unknown[]; nextCursor: string };
    expect(items).toHaveLength(2);
    expect(paymentView.strict().array().safeParse(items).success).toBe(true);
    expect(items[0]).toMatchObject({ amountLovelace: '18446744073709551615', confirmations: 6 });
    const second = await get(`/v1/payments?limit=2&cursor=${nextCursor}`);
    expect(second.body).toMatchObject({ items: [{ outputIndex: 2 }], nextCursor: null });
    const none = await get('/v1/payments?status=confirmed&since=2026-01-01');
    expect(none.body).toEqual({ items: [], nextCursor: null });
    const shouted = await get(`/v1/payments?address=${longAddress(1).toUpperCase()}`);
    expect(shouted.body).toMatchObject({ items: [{}, {}, {}] });
  });

  test('one payment', async () => {
    expect((await get(`/v1/payments/${TX}/1`)).body).toMatchObject({ txHash: TX, outputIndex: 1 });
    for (const path of [`${TX}/9`, `${TX}/x`, 'abc/0', `${TX}/99999999999`]) {
      expect((await get(`/v1/payments/${path}`)).status).toBe(404);
    }
  });

  test('addresses', async () => {
    expect(
      (await get(`/v1/addresses?userId=${encodeURIComponent('user 1/ü')}`)).body,
    ).toMatchObject({
      items: [1, 3]
        .map((seed) => ({ address: longAddress(seed) }))
        .sort((a, b) => (a.address < b.address ? -1 : 1)),
      nextCursor: null,
    });
    expect((await get(`/v1/addresses/${longAddress(2)}`)).body).toMatchObject({
      userId: 'user 0/ü',
    });
    expect((await get(`/v1/addresses/${longAddress(9)}`)).status).toBe(404);
    expect((await get('/v1/addresses/addr1nonsense')).status).toBe(404);
  });

  test('balances and ledger of a user, whatever the user is called', async () => {
    const user = 'ü/%\u0001 '.padEnd(199, '€');
    await under.database.pool.query("insert into user_balances values ($1, 'lovelace', -5, 0, 3)", [
      user,
    ]);
    await under.database.pool.query(
      `insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
       values ($1, 'lovelace', 'available', 'debit', 5, 'payment_rolled_back')`,
      [user],
    );
    const balances = await get(`/v1/users/${encodeURIComponent(user)}/balances`);
    expect(balances.body).toEqual({
      balances: [{ unit: 'lovelace', available: '-5', held: '0', pending: '3' }],
    });
    expect(balancesView.safeParse(balances.body).success).toBe(true);
    const { body } = await get(`/v1/users/${encodeURIComponent(user)}/ledger`);
    expect(
      ledgerEntryView
        .strict()
        .array()
        .safeParse((body as { items: unknown }).items).success,
    ).toBe(true);
  });

  test.each([
    '/v1/payments?limit=0',
    '/v1/payments?limit=501',
    '/v1/payments?limit=ten',
    '/v1/payments?cursor=made-up',
    '/v1/payments?status=done',
    '/v1/payments?since=yesterday',
    '/v1/payments?since=2026-02-30T00:00:00Z',
    '/v1/payments?userId=a%00b',
    '/v1/payments?address=addr1nonsense',
    '/v1/payments?user=ann',
    '/v1/users/a%00b/balances',
    '/v1/users/%ff/balances',
  ])('%s is a bad request', async (url) => {
    const answer = await get(url);
    expect(answer).toMatchObject({ status: 400, body: { status: 400 } });
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });
});
