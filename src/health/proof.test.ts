import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import { inTransaction } from '../database/transaction.js';
import type { ProofEvent } from '../reconcile/model/proof-events.js';
import { readCoverage } from '../reconcile/schedule/coverage-queries.js';
import { tellMismatches } from '../reconcile/verify/mismatch-events.js';
import { createMetrics } from './metrics.js';
import { proofLines } from './proof-log-events.js';
import { readProof } from './reconcile-reads.js';
import { tellProof } from './reconcile-status.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const ENDED = '2026-05-02T03:10:00.000Z';

test('metrics and status say what the database knows, and nothing of runs that are not over', async () => {
  const { pool } = database;
  const registry = new Registry();
  const metrics = createMetrics(registry, Date.now);
  const scrape = async () => {
    const now = new Date(Date.parse(ENDED) + 3_600_000);
    const sample = { proof: await readProof(pool), coverage: await readCoverage(pool, 0, now) };
    metrics.sampleProof(sample);
    return { text: await registry.metrics(), status: tellProof(sample.proof, sample.coverage) };
  };
  const before = await scrape();
  expect(before.text).toContain('reconciliation_discrepancies{type="owner_mismatch"} 0');
  expect(before.text).not.toMatch(/^reconciliation_last_success_timestamp_seconds \d/m);
  expect(before.status).toMatchObject({ lastReconciliation: null, lastBackup: null });

  await pool.query(`
    insert into payment_addresses (address, partition_id, user_id, created_at)
    values ('a', 0, 'ann', '2026-05-01T00:00:00Z'), ('b', 0, 'bob', '2026-05-02T03:05:00Z')`);
  await pool.query(
    `insert into reconciliation_runs (scope, state, requested_by, started_at, finished_at, matched)
     values ('full', 'finished', 'test', '2026-05-02T03:00:00Z', $1, 5), ('full', 'running', 'test', $1, null, 0)`,
    [ENDED],
  );
  await pool.query(`
    insert into reconciliation_discrepancies (run_id, type, tx_hash, output_index, address)
    select id, 'missing_in_db', 'x', 0, 'a' from reconciliation_runs`);
  const after = await scrape();
  expect(after.text).toContain('reconciliation_discrepancies{type="missing_in_db"} 1');
  expect(after.text).toContain(
    `reconciliation_last_success_timestamp_seconds ${Date.parse(ENDED) / 1000}`,
  );
  expect(after.text).toContain('reconciled_ratio 0.5');
  expect(after.text).toContain('reconciliation_oldest_unreconciled_seconds 4200');
  expect(after.text).toContain('reconciliation_problem 0');
  await pool.query("update reconciliation_runs set problem = 'the digest differs'");
  expect((await scrape()).text).toContain('reconciliation_problem 1');
  expect(after.status).toMatchObject({
    lastReconciliation: { finishedAt: ENDED, matched: 5, open: 1 },
    discrepancies: { missing_in_db: 1, extra_in_db: 0 },
  });
});

test('what a comparison between the nights tells in words is a problem until a whole one finds none', async () => {
  const { pool } = database;
  await pool.query('delete from reconciliation_discrepancies');
  await pool.query('delete from reconciliation_runs');
  const registry = new Registry();
  const metrics = createMetrics(registry, Date.now);
  const shown = async () => {
    metrics.sampleProof({ proof: await readProof(pool), coverage: null });
    return /^reconciliation_problem (\d)$/m.exec(await registry.metrics())?.[1];
  };
  const run = (scope: string, state: string, problem: string | null) =>
    pool.query(
      `insert into reconciliation_runs (scope, state, requested_by, problem) values ($1, $2, 'test', $3)`,
      [scope, state, problem],
    );
  expect(await shown()).toBeUndefined();
  await run('continuous', 'failed', 'no node answers');
  expect(await shown()).toBeUndefined();
  await run('continuous', 'finished', 'nobody registered an address');
  expect(await shown()).toBe('1');
  await run('continuous', 'finished', null);
  expect(await shown()).toBe('1');
  await run('full', 'finished', null);
  expect(await shown()).toBe('0');
  await run('addresses', 'finished', 'whoever asked for it was told');
  expect(await shown()).toBe('0');
  await run('continuous', 'finished', 'nobody registered an address');
  await run('full', 'running', null);
  expect(await shown()).toBe('1');
});

test('a run that found nothing is a success, and one that found much fills no log', () => {
  const event = (findings: number, problem: string | null = null): ProofEvent => ({
    type: 'reconciliation_finished',
    runId: '7',
    scope: 'full',
    slot: 5,
    matched: 3,
    open: findings === 0 ? {} : { missing_in_db: findings },
    repaired: 0,
    findings: Array.from({ length: findings }, () => ({
      type: 'missing_in_db' as const,
      reference: `${'a'.repeat(64)}#0` as const,
      address: 'a',
      recorded: null,
      onChain: null,
      unexplained: null,
      state: 'open' as const,
      reason: null,
    })),
    problem,
    seconds: 1,
  });
  const named = (found: number, problem: string | null = null) =>
    proofLines(event(found, problem)).map(({ fields }) => fields.event);
  expect(named(0)).toEqual(['reconciliation_success']);
  expect(named(1)).toEqual(['reconciliation_discrepancy', 'reconciliation_finished']);
  expect(named(5_000)).toHaveLength(101);
  expect(named(0, 'the digest differs')).toEqual(['reconciliation_finished']);
});

test('an old backup that can not be read is a warning, and none that failed', () => {
  const event = { type: 'backup_unreadable', file: '/b/x.zip', reason: 'damaged' } as const;
  expect(proofLines(event)).toMatchObject([
    { level: 'warn', fields: { event: 'backup_unreadable', file: '/b/x.zip', reason: 'damaged' } },
  ]);
});

test('the same mismatch is told once a day', async () => {
  const tell = (day: string) =>
    inTransaction(database.pool, (tx) =>
      tellMismatches(tx, new Date(day), [['balance', { userId: 'ann' }]]),
    );
  for (const day of ['2026-05-01T03:30:00Z', '2026-05-01T09:00:00Z', '2026-05-02T03:30:00Z']) {
    await tell(day);
  }
  const { rows } = await database.pool.query(
    "select data from outbox where type = 'balance.mismatch'",
  );
  expect(rows).toEqual([
    { data: { kind: 'balance', userId: 'ann' } },
    { data: { kind: 'balance', userId: 'ann' } },
  ]);
});
