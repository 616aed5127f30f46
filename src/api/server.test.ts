import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { bech32 } from '@scure/base';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import { parseNetwork } from '../chain/network.js';
import type { Height, Slot } from '../chain/point.js';
import { createPool } from '../database/pool.js';
import { createLogger } from '../health/logging.js';
import { createMetrics } from '../health/metrics.js';
import { startingVitals, type Vitals } from '../health/vitals.js';
import { addressView, balancesView, ledgerEntryView, paymentView, problemView } from './schemas.js';
import { buildHttp, type HttpDeps } from './server.js';

const preprod = parseNetwork('preprod');
if (preprod === undefined) throw new Error('preprod is a network');
const hashOf = (key: string) => createHash('sha256').update(key).digest();
const TX = 'c'.repeat(64);

function address(seed: number): string {
  const bytes = new Uint8Array(57);
  bytes[0] = 0;
  new DataView(bytes.buffer).setUint32(25, seed);
  return bech32.encode('addr_test', bech32.toWords(bytes), 200);
}
const point = { slot: 2000 as Slot, id: 'a'.repeat(64) };
const leading: Vitals = {
  ...startingVitals(0),
  role: 'leader',
  leaderEpoch: 3n,
  cursor: { point, height: 110 as Height },
  tip: { ...point, height: 112 as Height },
  connection: { endpoint: 'ws://node:1337', since: 1000 },
  lastBlockAt: 2000,
};

let database: TestDatabase;
let deps: HttpDeps;
let app: FastifyInstance;
let vitals: Vitals = leading;
let logged = '';
beforeAll(async () => {
  database = await createTestDatabase();
  deps = {
    version: '0.0.0-test',
    network: preprod,
    partitionId: 0,
    hotWalletAddress: address(999),
    readyMaxLagBlocks: 100,
    pool: database.pool,
    metrics: createMetrics(new Registry(), () => 0),
    vitals: () => vitals,
    pingRedis: null,
    now: () => Date.now(),
    apiKeys: [
      { name: 'all', scopes: new Set(['read', 'write']), sha256: hashOf('key-of-all') },
      { name: 'reader', scopes: new Set(['read']), sha256: hashOf('key-of-reader') },
    ],
    log: createLogger('debug', { write: (line: string) => (logged += line) }),
  };
});
afterAll(() => database.drop());
beforeEach(async () => {
  vitals = leading;
  logged = '';
  await database.pool.query(
    'truncate payment_addresses, incoming_payments, sync_state, audit_log cascade',
  );
  await database.pool.query(`
    insert into sync_state (partition_id, total_partitions, network, started, last_slot,
                            last_block_hash, last_block_height, tip_height)
    values (0, 1, 'preprod', true, 2000, repeat('a', 64), 110, 112)`);
  app = buildHttp(deps);
});
afterEach(() => app.close());

const call = async (options: InjectOptions & { key?: string }) => {
  const { key = 'key-of-all', ...rest } = options;
  const answer = await app.inject({
    ...rest,
    headers: { authorization: `Bearer ${key}`, ...rest.headers },
  });
  const body: unknown = answer.headers['content-type']?.toString().includes('json')
    ? answer.json()
    : answer.body;
  return { status: answer.statusCode, headers: answer.headers, body };
};
const get = (url: string, key?: string) => call({ method: 'GET', url, ...(key && { key }) });
const post = (payload: object, key?: string) =>
  call({ method: 'POST', url: '/v1/addresses', payload, ...(key && { key }) });

describe('health', () => {
  test('answers without a key', async () => {
    expect(await get('/health/live', 'x')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await get('/health/ready', 'x')).toMatchObject({
      status: 200,
      body: { status: 'ready', role: 'leader', syncedTo: 110, tipHeight: 112, lag: 2 },
    });
    expect((await get('/health/redis')).body).toEqual({ status: 'not_configured' });
    expect((await get('/health/database')).body).toEqual({ status: 'ok' });
    expect((await get('/health/blockchain')).body).toEqual({ status: 'ok' });
    expect(await get('/health')).toMatchObject({
      status: 200,
      body: { status: 'ok', ready: true },
    });
  });

  test('a standby is ready by what the database says', async () => {
    vitals = { ...startingVitals(0), role: 'standby' };
    expect((await get('/health/ready')).body).toMatchObject({
      role: 'standby',
      syncedTo: 110,
      lag: 2,
    });
  });

  test('says 503 and why', async () => {
    vitals = { ...leading, obstacle: { kind: 'undecodable_block', detail: 'odd', since: 0 } };
    expect(await get('/health/ready')).toMatchObject({
      status: 503,
      body: { status: 'not_ready', reason: 'undecodable_block', lag: 2 },
    });
    expect((await get('/health/blockchain')).status).toBe(503);
    expect((await get('/health')).status).toBe(503);
  });

  test('a database and a redis that are gone are told, and liveness stays', async () => {
    const pool = createPool({
      url: 'postgres://u:hunter2@127.0.0.1:1/x',
      connectionsMax: 2,
      applicationName: 'test',
      behindPooler: false,
      onIdleError: () => undefined,
    });
    const pingRedis = () => Promise.reject(new Error('connection refused'));
    const lonely = buildHttp({ ...deps, pool, pingRedis });
    const read = async (url: string) => {
      const answer = await lonely.inject({ url, headers: { authorization: 'Bearer key-of-all' } });
      expect(answer.body).not.toContain('hunter2');
      return { status: answer.statusCode, body: answer.json<unknown>() };
    };
    expect(await read('/health/live')).toMatchObject({ status: 200 });
    expect(await read('/health/database')).toMatchObject({
      status: 503,
      body: { status: 'failed' },
    });
    expect(await read('/health/redis')).toMatchObject({ status: 503 });
    expect(await read('/health/ready')).toMatchObject({
      status: 503,
      body: { reason: 'database', reasons: ['database', 'redis'] },
    });
    expect(await read('/status')).toMatchObject({ status: 200, body: { database: 'failed' } });
    expect(await read('/v1/payments')).toMatchObject({
      status: 503,
      body: { title: 'Service Unavailable' },
    });
    await lonely.close();
    await pool.end();
  });

  test('/status and /metrics show where the instance is', async () => {
    expect((await get('/status', 'x')).body).toMatchObject({
      version: '0.0.0-test',
      network: 'preprod',
      role: 'leader',
      leaderEpoch: 3,
      cursor: { slot: 2000, hash: 'a'.repeat(64), height: 110 },
      tip: { slot: 2000, hash: 'a'.repeat(64), height: 112 },
      lag: 2,
      connection: { endpoint: 'ws://node:1337', since: '1970-01-01T00:00:01.000Z' },
      watchedAddresses: 0,
    });
    expect((await get('/metrics', 'x')).body).toContain('process_cpu_seconds_total');
  });
});

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
    expect(logged).toContain('"key":"all"');
    expect(logged).not.toMatch(/key-of-/);
  });

  test('without any configured, /v1 is off', async () => {
    const closed = buildHttp({ ...deps, apiKeys: null });
    const answer = await closed.inject({ url: '/v1/payments' });
    expect(answer.statusCode).toBe(404);
    expect(answer.body).toContain('API_KEYS');
    await closed.close();
  });
});

describe('registering', () => {
  test('one: 201, the same again 200, another owner 409', async () => {
    const body = { address: address(1), userId: 'ann', metadata: { plan: 'gold' } };
    const created = await post(body);
    expect(created).toMatchObject({ status: 201, body: { ...body, referenceType: null } });
    expect(created.headers.location).toBe(`/v1/addresses/${address(1)}`);
    expect(addressView.safeParse(created.body).success).toBe(true);
    expect(await post(body)).toMatchObject({ status: 200, body: created.body });
    expect(await post({ ...body, userId: 'bob' })).toMatchObject({
      status: 409,
      body: { status: 409 },
    });
    const { rows } = await database.pool.query('select actor from audit_log');
    expect(rows).toEqual([{ actor: 'api:all' }]);
  });

  test.each([
    [{ address: 'addr1xyz', userId: 'ann' }, 'address'],
    [{ address: address(1), userId: '' }, 'userId is empty'],
    [{ address: address(1) }, 'userId'],
    [{ address: address(1), userId: 'ann', colour: 'red' }, 'colour: is unknown'],
    [{ derive: true, userId: 'ann' }, 'derive: is not available in this version yet'],
    [{ address: address(1), userId: 'ann', backfill: true }, 'backfill: is not available'],
    [{ address: address(1), userId: 'ann', metadata: [1] }, 'metadata'],
    [{ address: address(999), userId: 'ann' }, 'hot wallet'],
  ])('%j is refused with 422', async (body, why) => {
    const answer = await post(body);
    expect(answer).toMatchObject({ status: 422, body: { status: 422 } });
    expect((answer.body as { detail: string }).detail).toContain(why);
  });

  test('a batch answers item by item, whatever is in it', async () => {
    await post({ address: address(3), userId: 'ann' });
    const answer = await post([
      { address: address(1), userId: 'ann' },
      7,
      { address: 'nonsense', userId: 'ann' },
      { address: address(2), userId: 'ann', backfill: true },
      { address: address(3), userId: 'bob' },
      { address: address(3), userId: 'ann' },
    ]);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        items: [
          { address: address(1), outcome: 'created' },
          { address: '', outcome: 'invalid' },
          { address: 'nonsense', outcome: 'invalid' },
          {
            address: address(2),
            outcome: 'invalid',
            detail: 'backfill: is not available in this version yet',
          },
          { address: address(3), outcome: 'conflict' },
          { address: address(3), outcome: 'exists' },
        ],
      },
    });
    expect(await post([])).toMatchObject({ status: 200, body: { items: [] } });
  });

  test('10,000 fit, one more is too many', async () => {
    const batch = Array.from({ length: 10_001 }, (_, seed) => ({
      address: address(seed + 1000),
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
    await post([1, 2, 3].map((seed) => ({ address: address(seed), userId: `user ${seed % 2}/ü` })));
    await database.pool.query(
      `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace,
         status, block_hash, block_height, slot, required_confirmations)
       select $1, seed, $2, 'user 1/ü', 18446744073709551615, 'pending', repeat('a', 64), 105, 1900, 15
         from generate_series(0, 2) as seed`,
      [TX, address(1)],
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
    const shouted = await get(`/v1/payments?address=${address(1).toUpperCase()}`);
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
        .map((seed) => ({ address: address(seed) }))
        .sort((a, b) => (a.address < b.address ? -1 : 1)),
      nextCursor: null,
    });
    expect((await get(`/v1/addresses/${address(2)}`)).body).toMatchObject({ userId: 'user 0/ü' });
    expect((await get(`/v1/addresses/${address(9)}`)).status).toBe(404);
    expect((await get('/v1/addresses/addr1nonsense')).status).toBe(404);
  });

  test('balances and ledger of a user, whatever the user is called', async () => {
    const user = 'ü/%\u0001 '.padEnd(199, '€');
    await database.pool.query("insert into user_balances values ($1, 'lovelace', -5, 0, 3)", [
      user,
    ]);
    await database.pool.query(
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

describe('problems', () => {
  const raw = (headers: Record<string, string>, payload: string) =>
    call({ method: 'POST', url: '/v1/addresses', headers, payload });
  const json = { 'content-type': 'application/json' };

  test.each([
    ['an unknown place', () => get('/v1/nowhere'), 404],
    ['an unknown place without a key', () => get('/nowhere', 'x'), 404],
    ['an unknown method', () => call({ method: 'DELETE', url: '/v1/payments' }), 405],
    ['broken JSON', () => raw(json, '{"address":'), 400],
    ['a poisoned prototype', () => raw(json, '{"__proto__": {"a": 1}}'), 400],
    ['another media type', () => raw({ 'content-type': 'text/xml' }, '<a/>'), 415],
    ['no body', () => call({ method: 'POST', url: '/v1/addresses' }), 422],
    ['an endless body', () => raw(json, `"${'x'.repeat(17 * 1024 * 1024)}"`), 413],
  ])('%s is told the RFC 9457 way', async (_, ask, status) => {
    const answer = await ask();
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(problemView.safeParse(answer.body).error).toBeUndefined();
    expect(answer.body).toMatchObject({ status, requestId: answer.headers['x-request-id'] });
  });

  test('a fault of ours tells the caller nothing and the log everything', async () => {
    const pool = { query: () => Promise.reject(new Error('secret of the house')) };
    const broken = buildHttp({ ...deps, pool: pool as unknown as HttpDeps['pool'] });
    const answer = await broken.inject({
      url: '/v1/payments',
      headers: { authorization: 'Bearer key-of-all', 'x-request-id': 'from-proxy-1' },
    });
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain('secret');
    expect(answer.json()).toMatchObject({ requestId: 'from-proxy-1' });
    expect(logged).toContain('secret of the house');
    await broken.close();
  });

  test('a sender that never finishes its headers is hung up on', async () => {
    expect(app.server.headersTimeout).toBe(10_000);
    expect(app.server.requestTimeout).toBe(30_000);
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as { port: number };
    const socket = connect(port, '127.0.0.1');
    const reply = new Promise<string>((resolve) =>
      socket.once('data', (data) => resolve(String(data))),
    );
    socket.write('nonsense\r\n\r\n');
    expect(await reply).toContain('400 Bad Request');
    socket.destroy();
  });
});

describe('the OpenAPI document', () => {
  type Document = { openapi: string; paths: Record<string, Record<string, unknown>> };

  test('has every route of /v1 and no other', async () => {
    const { body } = await get('/v1/openapi.json');
    const document = body as Document;
    expect(document.openapi).toBe('3.1.0');
    const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => ({
        method: method.toUpperCase() as 'GET',
        url: path.replace(/\{(\w+)\}/g, ':$1'),
      })),
    );
    expect(documented).toHaveLength(7);
    for (const route of documented) expect(app.hasRoute(route)).toBe(true);
    expect(JSON.stringify(document)).toContain('"enum":["seen","pending"');
  });
});
