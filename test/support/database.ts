import { afterAll, inject } from 'vitest';
import './postgres.js';
import { cloneTemplate, copyDatabase, createBlank, type TestDatabase } from './test-databases.js';

/** A database of its own with the current schema and no rows. Drop it in `afterAll`. */
export const createTestDatabase = (): Promise<TestDatabase> => cloneTemplate(inject('testServer'));

/** A database of its own without a schema. */
export const createEmptyDatabase = (): Promise<TestDatabase> => createBlank(inject('testServer'));

/** A copy with all its rows. Drop it like any other. */
export const copyTestDatabase = (url: string): Promise<TestDatabase> =>
  copyDatabase(inject('testServer'), url);

/** Makes databases, and runs statements there; all of them are dropped after the tests of a file or of a `describe`. */
export function databasesInTests() {
  const opened: TestDatabase[] = [];
  afterAll(async () => {
    for (const database of opened) await database.drop();
  });
  return async (
    create: () => Promise<TestDatabase>,
    ...statements: readonly string[]
  ): Promise<TestDatabase> => {
    const database = await create();
    opened.push(database);
    for (const text of statements) await database.pool.query(text);
    return database;
  };
}
