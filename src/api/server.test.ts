import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LEADING, serveInTests } from '../../test/support/http.js';
import { createPool } from '../database/pool.js';
import { startingVitals } from '../health/vitals.js';
import { waitForLeadership } from '../sync/leader.js';
import { problemView } from './schemas.js';
import { buildHttp } from './server.js';

const { under, call, get } = serveInTests();

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
    under.vitals = { ...startingVitals(0), role: 'standby' };
    expect((await get('/health/ready')).body).toMatchObject({
      role: 'standby',
      syncedTo: 110,
      lag: 2,
    });
  });

  test('says 503 and why', async () => {
    under.vitals = { ...LEADING, obstacle: { kind: 'undecodable_block', detail: 'odd', since: 0 } };
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
    const lonely = buildHttp({ ...under.deps, pool, pingRedis });
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
    const never = new AbortController().signal;
    const lock = await waitForLeadership(under.database.url, 0, never, { verb: 'rebuild' });
    onTestFinished(() => lock.release());
    expect((await get('/status', 'x')).body).toMatchObject({
      version: '0.0.0-test',
      network: 'preprod',
      role: 'leader',
      leaderEpoch: 3,
      leader: { verb: 'rebuild', pid: process.pid },
      cursor: { slot: 2000, hash: 'a'.repeat(64), height: 110 },
      tip: { slot: 2000, hash: 'a'.repeat(64), height: 112 },
      lag: 2,
      connection: { endpoint: 'ws://node:1337', since: '1970-01-01T00:00:01.000Z' },
      watchedAddresses: 0,
    });
    expect((await get('/metrics', 'x')).body).toContain('process_cpu_seconds_total');
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
    // Connected all right, and nothing is where it should be.
    const url = new URL(under.database.url);
    url.searchParams.set('options', '-c search_path=nowhere');
    const pool = createPool({
      url: url.href,
      connectionsMax: 1,
      applicationName: 'test',
      behindPooler: false,
      onIdleError: () => undefined,
    });
    const broken = buildHttp({ ...under.deps, pool });
    const answer = await broken.inject({
      url: '/v1/payments',
      headers: { authorization: 'Bearer key-of-all', 'x-request-id': 'from-proxy-1' },
    });
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain('incoming_payments');
    expect(answer.json()).toMatchObject({ requestId: 'from-proxy-1' });
    expect(under.logged).toContain('relation \\"incoming_payments\\" does not exist');
    await broken.close();
    await pool.end();
  });

  test('a sender that never finishes its headers is hung up on', async () => {
    expect(under.app.server.headersTimeout).toBe(10_000);
    expect(under.app.server.requestTimeout).toBe(30_000);
    await under.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = under.app.server.address() as { port: number };
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
    expect(documented).toHaveLength(12);
    for (const route of documented) expect(under.app.hasRoute(route)).toBe(true);
    expect(JSON.stringify(document)).toContain('"enum":["seen","pending"');
  });
});
