import { beforeAll, describe, expect, test } from 'vitest';
import { backUp, folderInTests, restoreInto } from '../../../test/support/backups.js';
import { indexesByAge, shapeOf } from '../../../test/support/catalog-shape.js';
import {
  createEmptyDatabase,
  createTestDatabase,
  databasesInTests,
} from '../../../test/support/database.js';
import { fillEveryTable } from '../../../test/support/every-table.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { BACKUP_SETS } from './backup-sets.js';

describe('a database after a restore', () => {
  const folder = folderInTests();
  const open = databasesInTests();
  let original: TestDatabase;
  let migrated: TestDatabase;
  beforeAll(async () => {
    original = await open(createTestDatabase);
    await fillEveryTable(original.pool);
    migrated = await open(createTestDatabase);
  });

  test.each(BACKUP_SETS)(
    'of %s has every index, key, constraint, reference and trigger of a freshly migrated one',
    async (set) => {
      const { file } = await backUp(original, folder.path, set);
      const target = await open(createEmptyDatabase);
      await restoreInto(target, file);
      const shape = await shapeOf(migrated.pool);
      for (const kind of ['table', 'column', 'index', 'constraint', 'trigger', 'view']) {
        expect(shape.filter((text) => text.startsWith(`${kind} `)).length, kind).toBeGreaterThan(0);
      }
      expect(await shapeOf(target.pool)).toEqual(shape);
      expect(await indexesByAge(target.pool)).toEqual(await indexesByAge(migrated.pool));
    },
  );

  test('took its rows in without one index, key or reference in their way', async () => {
    const { file, manifest } = await backUp(original, folder.path);
    const target = await open(createTestDatabase);
    const told: [rows: number, total: number][] = [];
    await restoreInto(target, file, 'preprod', {
      onBytes: () => undefined,
      onRows: () => expect(told).toEqual([]),
      onIndexed: (rows, total) => told.push([rows, total]),
    });
    const rowsOf = new Map(manifest.tables.map(({ name, rows }) => [name, rows]));
    const { rows: made } = await migrated.pool.query<{ table: string }>(
      `select c.relname as table from pg_index x join pg_class c on c.oid = x.indrelid
        where c.relnamespace = current_schema()::regnamespace and c.relname = any($1)
        union all
       select c.relname from pg_constraint k join pg_class c on c.oid = k.conrelid
        where k.contype = 'f' and c.relname = any($1)`,
      [[...rowsOf.keys()]],
    );
    const total = made.reduce((sum, { table }) => sum + (rowsOf.get(table) ?? 0), 0);
    expect(told[0]).toEqual([0, total]);
    expect(told).toHaveLength(made.length + 1);
    expect(told.reduce((sum, [rows]) => sum + rows, 0)).toBe(total);
  });

  test('has rows that need not be frozen later', async () => {
    const { file } = await backUp(original, folder.path);
    const target = await open(createTestDatabase);
    await restoreInto(target, file);
    // Counted when the index was made: pages on which everybody sees every row.
    const { rows } = await target.pool.query<{ pages: number }>(
      `select relallvisible as pages from pg_class where oid = 'balance_transactions'::regclass`,
    );
    expect(rows).toEqual([{ pages: 1 }]);
  });

  test('that failed while indexes were made is as it was before', async () => {
    const { file } = await backUp(original, folder.path);
    const target = await open(createTestDatabase);
    const shape = await shapeOf(target.pool);
    let made = 0;
    const fail = restoreInto(target, file, 'preprod', {
      onBytes: () => undefined,
      onRows: () => undefined,
      onIndexed: () => {
        made += 1;
        if (made === 20) throw new Error('the power went');
      },
    });
    await expect(fail).rejects.toThrow('the power went');
    expect(await shapeOf(target.pool)).toEqual(shape);
    const { rows } = await target.pool.query('select from balance_transactions');
    expect(rows).toEqual([]);
    // Nothing is left over that would keep it from being tried again.
    await restoreInto(target, file);
    expect(await shapeOf(target.pool)).toEqual(shape);
  });
});
