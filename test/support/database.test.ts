import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEmptyDatabase, createTestDatabase } from './database.js';
import type { TestDatabase } from './test-databases.js';

describe('test databases', () => {
  let first: TestDatabase;
  let second: TestDatabase;

  beforeAll(async () => {
    [first, second] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  });
  afterAll(() => Promise.all([first.drop(), second.drop()]));

  test('have the current schema', async () => {
    const { rows } = await first.pool.query('select oldest_code from schema_compatibility');
    expect(rows).toHaveLength(1);
  });

  test('do not see each other', async () => {
    await first.pool.query('delete from schema_compatibility');
    const { rows } = await second.pool.query('select 1 from schema_compatibility');
    expect(rows).toHaveLength(1);
  });

  test('come without a schema where asked for', async () => {
    const blank = await createEmptyDatabase();
    try {
      const { rows } = await blank.pool.query<{ name: string | null }>(
        "select to_regclass('sync_state')::text as name",
      );
      expect(rows).toEqual([{ name: null }]);
    } finally {
      await blank.drop();
    }
  });
});
