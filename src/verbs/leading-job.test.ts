import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { startDatabaseProxy } from '../../test/processes/database-proxy.js';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { emptyBooks, leadershipOf } from '../../test/support/rebuilding.js';
import { tellerInTests } from '../../test/support/teller.js';
import { paidBooks } from '../../test/support/verbs-books.js';
import { readSettings } from '../config.js';
import type { Job, JobAhead } from '../reconcile/jobs/job-queries.js';
import { type Leader, readLeader } from '../sync/leader-session.js';
import { failureOf } from './failure.js';
import { doAsLeader, LEADING_SETTINGS } from './leading-job.js';

const { under, teller } = tellerInTests();
const ANN = enterpriseAddress(1);

beforeEach(async () => {
  await emptyBooks(under.database.pool);
  await under.database.pool.query('truncate seals, audit_log');
});

/** Books of a chain with a payment, and the worker that follows it. */
function followedBooks() {
  const { task } = leadershipOf();
  // It leads and takes no jobs.
  return paidBooks(under, { address: ANN, lovelace: [5_000_000n], leading: [task] });
}

test('seals what it wrote where it led', async () => {
  const { pool, worker } = await followedBooks();
  await worker.stop();
  await pool.query('delete from incoming_payments');
  expect((await teller(['rebuild', '--from', 'origin'])).exitCode).toBe(0);
  const { rows } = await pool.query<{ sealed: string | null; written: string | null }>(
    `select (select max(last_id) from seals where chain = 'audit') as sealed, max(id) as written
       from audit_log`,
  );
  expect(rows[0]?.written).toEqual(expect.any(String));
  expect(rows[0]?.sealed).toBe(rows[0]?.written);
});

test('needs the settings of the guard, because it watches the chain where it leads', async () => {
  under.environment = { ...under.environment, OGMIOS_WITNESS_URL: 'nonsense' };
  const { exitCode, err } = await teller(['rebuild', '--from', 'origin']);
  expect(exitCode).toBe(2);
  expect(err).toContain('OGMIOS_WITNESS_URL');
});

test('stands by for the lock only until somebody else works on it', async () => {
  const { pool } = await followedBooks();
  const sessions = async () => {
    const { rowCount } = await pool.query(
      `select 1 from pg_stat_activity
        where datname = current_database() and application_name like 'chain-teller leader lock %'`,
    );
    return rowCount;
  };
  const asked = teller(['rebuild', '--from', '1d']);
  await vi.waitFor(async () => expect(await sessions()).toBe(2), { timeout: 10_000 });
  await pool.query(
    `update chain_jobs set state = 'running', runner = gen_random_uuid(), heartbeat_at = now()`,
  );
  await vi.waitFor(async () => expect(await sessions()).toBe(1), { timeout: 10_000 });
  await pool.query("update chain_jobs set state = 'failed', problem = 'not today'");
  const { exitCode, err } = await asked;
  expect(exitCode).toBe(1);
  expect(err).toMatch(/rebuild \d+ failed: not today/);
});

test('says that the job goes on where the database stays away', async () => {
  const { pool } = await followedBooks();
  const proxy = await startDatabaseProxy(under.database.url);
  onTestFinished(() => proxy.close());
  const settings = readSettings(
    { ...under.environment, DATABASE_URL: proxy.url },
    LEADING_SETTINGS,
  );
  const request = { kind: 'rebuild', params: { from: '1d' }, requestedBy: 'test' } as const;
  const told: string[] = [];
  const watch = {
    tell: () => proxy.close(),
    away: (reason: string) => void told.push(reason),
    patienceMs: 300,
  };
  const asked = doAsLeader(settings, request, watch, AbortSignal.timeout(30_000));
  const failure = failureOf(await asked.catch((error: unknown) => error));
  const { rows } = await pool.query<{ id: string }>('select id::text from chain_jobs');
  expect(failure.exitCode).toBe(1);
  expect(failure.message).toMatch(/^the database can't be reached: .*\n/);
  expect(failure.message).toContain(
    `rebuild ${rows[0]?.id} goes on where it was with whoever leads: where nobody does, start`,
  );
  expect(told).toHaveLength(1);
});

test('says that the next leader goes on where it led itself and is interrupted', async () => {
  const { pool, worker } = await followedBooks();
  await worker.stop();
  // The rebuild writes what it read there, and waits.
  const holder = await pool.connect();
  onTestFinished(() => holder.release(true));
  await holder.query('begin; lock table rebuild_outputs in exclusive mode');
  const stop = new AbortController();
  const settings = readSettings(under.environment, LEADING_SETTINGS);
  const request = { kind: 'rebuild', params: { from: 'origin' }, requestedBy: 'test' } as const;
  const watch = {
    tell: ({ state }: Job) => {
      if (state !== 'running' || stop.signal.aborted) return;
      stop.abort(new Error('Ctrl-C'));
      void holder.query('rollback');
    },
  };
  const asked = doAsLeader(settings, request, watch, stop.signal);
  const failure = failureOf(await asked.catch((error: unknown) => error));
  const { rows } = await pool.query<{ id: string }>('select id::text from chain_jobs');
  expect(failure.exitCode).toBe(1);
  expect(failure.message).toBe(
    `interrupted\nrebuild ${rows[0]?.id} goes on where it was with the next leader: start ` +
      `\`teller run\`\nlook at it with \`teller rebuild status\`, end it with ` +
      `\`teller rebuild cancel ${rows[0]?.id}\``,
  );
});

test('ends where it leads and reaches no node, and says how the job goes on', async () => {
  const { pool, worker } = await followedBooks();
  await worker.stop();
  const settings = readSettings(
    { ...under.environment, OGMIOS_URL: 'ws://127.0.0.1:1' },
    LEADING_SETTINGS,
  );
  const request = { kind: 'rebuild', params: { from: 'origin' }, requestedBy: 'test' } as const;
  const led: boolean[] = [];
  const watch = {
    tell: (_job: Job, _ahead: JobAhead | null, isLedHere: boolean) => void led.push(isLedHere),
    nodePatienceMs: 1_000,
  };
  const asked = doAsLeader(settings, request, watch, AbortSignal.timeout(20_000));
  const failure = failureOf(await asked.catch((error: unknown) => error));
  expect(failure.exitCode).toBe(1);
  expect(failure.message).toMatch(
    /^OGMIOS_URL: no node can be reached: .*ECONNREFUSED.*\nrebuild /,
  );
  expect(failure.message).toContain(
    'goes on where it was with the next leader: start `teller run`',
  );
  expect(led).toContain(true);
  const { rows } = await pool.query<{ state: string }>('select state from chain_jobs');
  expect(['queued', 'running']).toContain(rows[0]?.state);
});

test.each(['rebuild', 'repair'] as const)('says who leads while it does: %s', async (kind) => {
  const { pool, worker } = await followedBooks();
  expect(await readLeader(pool, 0)).toMatchObject({ verb: 'run', pid: process.pid });
  await worker.stop();
  const leaders: Promise<Leader | null>[] = [];
  const watch = {
    tell: (_job: Job, _ahead: JobAhead | null, isLedHere: boolean) => {
      if (isLedHere) leaders.push(readLeader(pool, 0));
    },
  };
  const settings = readSettings(under.environment, LEADING_SETTINGS);
  const params = kind === 'rebuild' ? { from: 'origin' } : {};
  const request = { kind, params, requestedBy: 'test' };
  await doAsLeader(settings, request, watch, new AbortController().signal);
  expect(await leaders[0]).toMatchObject({
    verb: kind === 'rebuild' ? 'rebuild' : 'reconcile',
    pid: process.pid,
  });
});

test('leads at once and does what a killed leader left in the middle before its own', async () => {
  const { pool, worker } = await followedBooks();
  await worker.stop();
  await pool.query(
    `insert into chain_jobs (partition_id, kind, params, requested_by, state, runner, started_at, heartbeat_at)
     values (0, 'rebuild', '{"from": "origin", "dryRun": false}', 'test', 'running', gen_random_uuid(), now(), now())`,
  );
  const holder = await pool.connect();
  onTestFinished(() => holder.release(true));
  await holder.query('begin; lock table rebuild_outputs in exclusive mode');
  const watch = {
    tell: (_job: Job, ahead: JobAhead | null, isLedHere: boolean) => {
      // Whoever waits is told that it is done here.
      if (ahead?.kind === 'rebuild' && isLedHere) void holder.query('rollback');
    },
  };
  const settings = readSettings(under.environment, LEADING_SETTINGS);
  const request = { kind: 'repair', params: { addresses: null }, requestedBy: 'test' } as const;
  await doAsLeader(settings, request, watch, new AbortController().signal);
  const { rows } = await pool.query('select kind, state from chain_jobs order by chain_jobs.id');
  expect(rows).toEqual([
    { kind: 'rebuild', state: 'done' },
    { kind: 'repair', state: 'done' },
  ]);
});
