import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { sealedTables } from '../../test/support/sealed-tables.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import { sealMetrics, sealSamples } from './seal-metrics.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('what is under seal shows, with the last seal before the full hour, and what isn’t', async () => {
  const { enter, seal, change } = sealedTables(database.pool);
  const registry = new Registry();
  const show = sealMetrics(registry);
  await enter(3);
  await seal('ledger');
  await change("update seals set sealed_at = now() - interval '1 hour'");
  await enter(2);
  await seal('ledger');
  await change("update seals set sealed_at = now() + interval '1 hour' where seal = 2");
  await enter(1);
  show(await sealSamples({ pool: database.pool, now: Date.now })());
  const told = await registry.metrics();
  expect(told).toContain('ledger_sealed_rows{chain="ledger"} 5\n');
  expect(told).toContain('ledger_sealed_rows{chain="audit"} 0\n');
  expect(told).toContain('ledger_unsealed_rows{chain="ledger"} 1\n');
  expect(told).toMatch(/ledger_seal_info{chain="ledger",seal="1",hash="[0-9a-f]{64}"} 1\n/);
  show(null);
  expect(await registry.metrics()).not.toMatch(/ledger_\w+{/);
});
