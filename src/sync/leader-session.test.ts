import { hostname } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { waitForLeadership } from './leader.js';
import { leaderSession, readLeader } from './leader-session.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const [host = ''] = hostname().split('.');
const never = new AbortController().signal;

test('who holds the lock says what it is, and nobody does once it is free', async () => {
  expect(await readLeader(pool, 0)).toBeNull();
  const lock = await waitForLeadership(database.url, 0, never, { verb: 'rebuild' });
  const other = await waitForLeadership(database.url, 7, never, { verb: 'run' });
  expect(await readLeader(pool, 0)).toMatchObject({ verb: 'rebuild', pid: process.pid });
  expect(host.endsWith((await readLeader(pool, 0))?.host?.replace('~', '') ?? '-')).toBe(true);
  expect(await readLeader(pool, 7)).toMatchObject({ verb: 'run' });
  await lock.release();
  await expect.poll(() => readLeader(pool, 0), { timeout: 10_000 }).toBeNull();
  await other.release();
});

test.each([
  ['teller restore', { verb: 'restore', pid: null, host: null }],
  ['chain-teller leader lock', { verb: null, pid: null, host: null }],
  ['psql', { verb: null, pid: null, host: null }],
  [leaderSession('run', 42, 'node-a.example.com'), { verb: 'run', pid: 42, host: 'node-a' }],
  [
    leaderSession('reconcile', 4194304, `chain-teller-${'x'.repeat(63)}-6d5f7-abcde`),
    { verb: 'reconcile', pid: 4194304, host: '~xxxxxxx-6d5f7-abcde' },
  ],
])('a session called %s', async (name, leader) => {
  expect(Buffer.byteLength(name)).toBeLessThan(64);
  const client = await pool.connect();
  try {
    await client.query("select set_config('application_name', $1, false)", [name]);
    await client.query('select pg_advisory_lock($1, 3)', [0x6c656164]);
    expect(await readLeader(pool, 3)).toEqual(leader);
  } finally {
    client.release(true);
  }
});
