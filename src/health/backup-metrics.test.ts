import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import { backupMetrics, readLastBackups } from './backup-metrics.js';

describe('metrics of backups', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  const shown = async (registry: Registry): Promise<string[]> =>
    (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));

  test('tell the last one of each set that succeeded, and of a plan only where there is one', async () => {
    const registry = new Registry();
    const metrics = backupMetrics(registry);
    expect(await shown(registry)).toEqual([]);
    await database.pool.query(`
      insert into backups (kind, finished_at, bytes, problem)
      values ('critical', '2026-01-01T00:00:00Z', 10, null), ('critical', '2026-01-01T01:00:00Z', 20, null),
             ('critical', '2026-01-01T02:00:00Z', null, 'no space'), ('all', null, null, null),
             ('all', '2026-01-01T00:30:00Z', 70, null)`);
    metrics.sample(await readLastBackups(database.pool));
    metrics.schedule(3600);
    expect(await shown(registry)).toEqual([
      `backup_last_success_timestamp_seconds{set="all"} ${Date.parse('2026-01-01T00:30:00Z') / 1000}`,
      `backup_last_success_timestamp_seconds{set="critical"} ${Date.parse('2026-01-01T01:00:00Z') / 1000}`,
      'backup_last_size_bytes{set="all"} 70',
      'backup_last_size_bytes{set="critical"} 20',
      'backup_scheduled 1',
      'backup_interval_seconds 3600',
    ]);
    metrics.sample(null);
    expect((await shown(registry)).filter((line) => line.includes('last'))).toEqual([]);
  });
});
