import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { inTransaction } from '../../database/transaction.js';
import { askForJob } from './ask-for-job.js';
import {
  cancelJob,
  type JobFields,
  type JobKind,
  lockAsking,
  openJobs,
  requestJob,
} from './job-queries.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => pool.query('truncate chain_jobs cascade'));

const ask = (kind: JobKind, params: JobFields, partitionId = 0) =>
  askForJob(pool, { partitionId, kind, params, requestedBy: 'test' });

const HASH = 'ab'.repeat(32);
const origin = { from: 'origin', dryRun: false };

test.each<[string, JobKind, JobFields, JobFields]>([
  ['a rebuild', 'rebuild', origin, origin],
  ['the rebuild that a restore asked for', 'rebuild', { ...origin, after: 'restore' }, origin],
  ['so many days', 'rebuild', { from: '7d' }, { from: '07d', dryRun: false }],
  ['a block', 'rebuild', { from: `7.${HASH}` }, { from: `7.${HASH}` }],
  ['a repair of everything', 'repair', {}, { addresses: null }],
  ['a repair of addresses', 'repair', { addresses: ['b', 'a'] }, { addresses: ['a', 'b', 'a'] }],
])('who asks again for %s is given the one that is open', async (_, kind, first, again) => {
  const before = await ask(kind, first);
  expect(before).toMatchObject({ followed: null, ahead: [] });
  for (const state of ['queued', 'running']) {
    await pool.query('update chain_jobs set state = $1', [state]);
    const asked = await ask(kind, again);
    expect(asked).toMatchObject({ id: before.id, followed: { id: before.id, state }, ahead: [] });
  }
  expect(await openJobs(pool, 0)).toHaveLength(1);
});

test.each<[string, JobKind, JobFields, JobFields]>([
  ['elsewhere', 'rebuild', origin, { from: '7d', dryRun: false }],
  ['for other days', 'rebuild', { from: '7d' }, { from: '8d' }],
  ['for a dry run', 'rebuild', origin, { ...origin, dryRun: true }],
  ['without a dry run', 'rebuild', { ...origin, dryRun: true }, origin],
  ['for everything', 'repair', { addresses: ['a'] }, { addresses: null }],
  ['for more addresses', 'repair', { addresses: ['a'] }, { addresses: ['a', 'b'] }],
])('who asks %s is given another one, and told what comes before', async (_, kind, one, other) => {
  const before = await ask(kind, one);
  const asked = await ask(kind, other);
  expect(asked).toMatchObject({ followed: null, ahead: [{ id: before.id }] });
  expect((await openJobs(pool, 0)).map(({ id }) => id)).toEqual([before.id, asked.id]);
});

test('another kind, another partition and what has ended are not followed', async () => {
  const { id } = await ask('rebuild', origin);
  expect((await ask('repair', {})).followed).toBeNull();
  expect(await ask('rebuild', origin, 1)).toMatchObject({ followed: null, ahead: [] });
  await cancelJob(pool, id, 'test');
  expect((await ask('rebuild', origin)).followed).toBeNull();
});

test('what nobody can read is the same as nothing', async () => {
  await ask('rebuild', { from: 'yesterday' });
  expect((await ask('rebuild', { from: 'yesterday' })).followed).toBeNull();
  await ask('repair', { addresses: 'a' });
  expect((await ask('repair', { addresses: 'a' })).followed).toBeNull();
});

test('who asks while another one does waits for what comes of that', async () => {
  const request = { partitionId: 0, kind: 'rebuild', params: origin, requestedBy: 'test' } as const;
  const { id, asked } = await inTransaction(pool, async (tx) => {
    await lockAsking(tx, 0);
    const asked = ask('rebuild', origin);
    await vi.waitFor(
      async () => {
        const { rowCount } = await pool.query(WAITING_FOR_A_LOCK);
        expect(rowCount).toBe(1);
      },
      { timeout: 10_000 },
    );
    return { id: await requestJob(tx, request), asked };
  });
  expect(await asked).toMatchObject({ id, followed: { id } });
});

const WAITING_FOR_A_LOCK = `
  select 1 from pg_locks where locktype = 'advisory' and not granted
     and database = (select oid from pg_database where datname = current_database())`;
