import { createHash } from 'node:crypto';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { buildHttp, type HttpDeps } from '../../src/api/server.js';
import { parseNetwork } from '../../src/chain/network.js';
import type { Height, Slot } from '../../src/chain/point.js';
import { Secret } from '../../src/config.js';
import { createLogger } from '../../src/health/logging.js';
import { createMetrics } from '../../src/health/metrics.js';
import { startingVitals, type Vitals } from '../../src/health/vitals.js';
import type { PayoutPolicy } from '../../src/payouts/model/policy.js';
import { longAddress } from './addresses.js';
import { createTestDatabase } from './database.js';
import type { TestDatabase } from './test-databases.js';

const preprod = parseNetwork('preprod');
if (preprod === undefined) throw new Error('preprod is a network');
const hashOf = (key: string) => createHash('sha256').update(key).digest();
const point = { slot: 2000 as Slot, id: 'a'.repeat(64) };

/** A leader at height 110, two blocks behind the tip. */
export const LEADING: Vitals = {
  ...startingVitals(0),
  role: 'leader',
  leaderEpoch: 3n,
  cursor: { point, height: 110 as Height },
  tip: { ...point, height: 112 as Height },
  connection: { endpoint: 'ws://node:1337', since: 1000 },
  lastBlockAt: 2000,
};

export const HOT_WALLET = longAddress(999);

/** Without limits; ids are made with a secret that everybody knows. */
export const PAYOUT_POLICY: PayoutPolicy = {
  network: preprod,
  hotWalletAddress: HOT_WALLET,
  destinations: null,
  approvalAboveLovelace: null,
  dailyLimitLovelace: null,
  fees: 'treasury',
  idSecret: new Secret('a-secret-for-payout-ids'),
};

export type HttpUnderTest = {
  app: FastifyInstance;
  deps: HttpDeps;
  database: TestDatabase;
  vitals: Vitals;
  logged: string;
};

/** A server on a database of its own, fresh before each test. Keys: `key-of-all` and `key-of-reader`. */
export function serveInTests() {
  const under = { vitals: LEADING, logged: '' } as HttpUnderTest;
  beforeAll(async () => {
    under.database = await createTestDatabase();
    under.deps = depsOf(under);
  });
  afterAll(() => under.database.drop());
  beforeEach(async () => {
    under.vitals = LEADING;
    under.logged = '';
    await under.database.pool.query(CLEAR);
    await under.database.pool.query(AT_HEIGHT_110);
    under.app = buildHttp(under.deps);
  });
  afterEach(() => under.app.close());
  const call = (options: InjectOptions & { key?: string }) => answerOf(under.app, options);
  return {
    under,
    call,
    get: (url: string, key?: string) => call({ method: 'GET', url, ...(key && { key }) }),
    post: (payload: object) => call({ method: 'POST', url: '/v1/addresses', payload }),
  };
}

const CLEAR = 'truncate payment_addresses, incoming_payments, sync_state, audit_log cascade';
const AT_HEIGHT_110 = `
  insert into sync_state (partition_id, total_partitions, network, started, last_slot,
                          last_block_hash, last_block_height, tip_height)
  values (0, 1, 'preprod', true, 2000, repeat('a', 64), 110, 112)`;

const depsOf = (under: HttpUnderTest): HttpDeps => ({
  version: '0.0.0-test',
  network: preprod,
  partitionId: 0,
  hotWalletAddress: HOT_WALLET,
  readyMaxLagBlocks: 100,
  pool: under.database.pool,
  metrics: createMetrics(new Registry(), () => 0),
  vitals: () => under.vitals,
  pingRedis: null,
  now: () => Date.now(),
  payouts: PAYOUT_POLICY,
  nudge: () => undefined,
  apiKeys: [
    { name: 'all', scopes: new Set(['read', 'write']), sha256: hashOf('key-of-all') },
    { name: 'payer', scopes: new Set(['payout', 'approve']), sha256: hashOf('key-of-payer') },
    { name: 'other', scopes: new Set(['payout']), sha256: hashOf('key-of-other-payer') },
    { name: 'second', scopes: new Set(['approve']), sha256: hashOf('key-of-second') },
    { name: 'reader', scopes: new Set(['read']), sha256: hashOf('key-of-reader') },
  ],
  log: createLogger('debug', {
    write: (line: string) => {
      under.logged += line;
    },
  }),
});

async function answerOf(app: FastifyInstance, options: InjectOptions & { key?: string }) {
  const { key = 'key-of-all', ...rest } = options;
  const headers = { authorization: `Bearer ${key}`, ...rest.headers };
  const answer = await app.inject({ ...rest, headers });
  const isJson = answer.headers['content-type']?.toString().includes('json') === true;
  const body: unknown = isJson ? answer.json() : answer.body;
  return { status: answer.statusCode, headers: answer.headers, body };
}
