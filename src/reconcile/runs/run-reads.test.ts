import { afterAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { findingPages } from './discrepancy-queries.js';
import { latestRun, listRuns } from './run-reads.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const insertRuns = (ids: readonly number[]) =>
  pool.query(
    `insert into reconciliation_runs (id, scope, state, requested_by) overriding system value
     select id, 'full', 'finished', 'test' from unnest($1::bigint[]) as id`,
    [ids],
  );

const FOUND = `
  insert into reconciliation_discrepancies (id, run_id, type, tx_hash, output_index, address)
  overriding system value
  select n, $1, 'missing_in_db', lpad(n::text, 64, '0'), 0, 'addr' from generate_series($2::int, $3::int) n`;

describe('numbers that grow by a digit', () => {
  test('leave the latest run the latest, and lists of runs in their order, page by page', async () => {
    await insertRuns([8, 9, 10, 11]);
    expect((await latestRun(pool, 'full'))?.id).toBe('11');
    const first = await listRuns(pool, 'full', { limit: 2 });
    expect(first.items.map(({ id }) => id)).toEqual(['11', '10']);
    const second = await listRuns(pool, 'full', { limit: 2, cursor: first.nextCursor ?? '' });
    expect(second.items.map(({ id }) => id)).toEqual(['9', '8']);
  });

  test('lose no finding between two pages', async () => {
    await insertRuns([20]);
    await pool.query(FOUND, [20, 8_500, 11_200]);
    const seen: string[] = [];
    for await (const page of findingPages(pool, '20')) {
      seen.push(...page.map(({ reference }) => reference));
    }
    expect(new Set(seen).size).toBe(2_701);
    expect(seen).toEqual([...seen].sort());
  });
});
