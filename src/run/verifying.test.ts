import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import { Secret } from '../config/secret.js';
import { lastVerification } from '../reconcile/verify/verification-queries.js';
import { verifyAfter } from './verifying.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const after = (url: string, signal: AbortSignal) => {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const verify = verifyAfter({ databaseDirectUrl: new Secret(url) }, log);
  return verify({ signal }).then(() => lines.join(''));
};

test('after a repair the books are verified, and what was found before is over', async () => {
  await database.pool.query("insert into verifications (requested_by, mismatches) values ('x', 4)");
  const told = await after(database.url, new AbortController().signal);
  expect(told).toContain('balances_verified');
  expect(await lastVerification(database.pool)).toMatchObject({ mismatches: 0 });
});

test('a repair is done even where it could not be verified', async () => {
  const nowhere = new URL(database.url);
  nowhere.pathname = '/nowhere';
  const told = await after(nowhere.href, new AbortController().signal);
  expect(told).toContain('"event":"verification_failed"');
});

test('nothing is told where the term is over', async () => {
  expect(await after(database.url, AbortSignal.abort())).toBe('');
});
