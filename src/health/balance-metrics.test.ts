import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { instructionsOf } from '../../test/processes/runbook-walk.js';
import { createTestDatabase } from '../../test/support/database.js';
import { root } from '../../test/support/sources.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import { balanceMetrics, belowZeroSamples } from './balance-metrics.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const change = (text: string) => database.pool.query(text);

test('balances below zero are counted, a minute apart', async () => {
  let now = 0;
  const sample = belowZeroSamples({ pool: database.pool, now: () => now });
  expect(await sample()).toBe(0);
  await change(`
    insert into user_balances (user_id, unit, available, held, pending)
    values ('ann', 'lovelace', -5, 0, 0), ('bob', 'lovelace', 0, 0, 0), ('bob', '${'ab'.repeat(28)}', -1, 1, 9),
           ('carl', 'lovelace', 7, 0, 0)`);
  expect(await sample()).toBe(0);
  now = 60_000;
  expect(await sample()).toBe(2);
});

test('what can’t be read has no number', async () => {
  const registry = new Registry();
  const show = balanceMetrics(registry);
  const shown = async () => /^balances_below_zero .*$/m.exec(await registry.metrics())?.[0] ?? null;
  expect(await shown()).toBeNull();
  show(2);
  expect(await shown()).toBe('balances_below_zero 2');
  const gone = await createTestDatabase();
  await gone.drop();
  show(await belowZeroSamples({ pool: gone.pool, now: () => 0 })());
  expect(await shown()).toBeNull();
});

test('its runbook asks the database what it can answer', async () => {
  await change(`
    truncate user_balances;
    insert into user_balances (user_id, unit, available) values ('ann', 'lovelace', 5), ('bob', 'lovelace', -7);
    insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
    values ('bob', 'lovelace', 'available', 'debit', 7, 'payment_rolled_back')`);
  const runbook = readFileSync(`${root}ops/runbooks/BalancesBelowZero.md`, 'utf8');
  const questions = instructionsOf(runbook).flatMap(({ text }) =>
    text.startsWith('select ') ? [text.replace('USER', 'bob').replace('UNIT', 'lovelace')] : [],
  );
  const answers: unknown[] = [];
  for (const question of questions) answers.push((await change(question)).rows);
  expect(answers).toMatchObject([
    [{ user_id: 'bob', available: '-7' }],
    [{ reason: 'payment_rolled_back', amount: '7' }],
    [],
  ]);
});
