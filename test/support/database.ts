import { inject } from 'vitest';
import './postgres.js';
import { cloneTemplate, copyDatabase, createBlank, type TestDatabase } from './test-databases.js';

/** A database of its own with the current schema and no rows. Drop it in `afterAll`. */
export const createTestDatabase = (): Promise<TestDatabase> => cloneTemplate(inject('testServer'));

/** A database of its own without a schema. */
export const createEmptyDatabase = (): Promise<TestDatabase> => createBlank(inject('testServer'));

/** A copy with all its rows. Drop it like any other. */
export const copyTestDatabase = (url: string): Promise<TestDatabase> =>
  copyDatabase(inject('testServer'), url);
