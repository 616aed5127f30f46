import { expect, test } from 'vitest';
import { tellerInTests } from '../../test/support/teller.js';

const { under, teller } = tellerInTests();

test('books that a restore left unfinished are not compared, and nothing is told of them', async () => {
  const { pool } = under.database;
  await pool.query(
    `insert into chain_jobs (kind, params, requested_by) values ('rebuild', '{"after": "restore"}', 'test')`,
  );
  // The node isn't asked for anything.
  const environment = { ...under.environment, OGMIOS_URL: 'ws://127.0.0.1:1' };
  const { exitCode, out, err } = await teller(['reconcile'], { environment });
  expect({ exitCode, out }, err).toEqual({ exitCode: 1, out: '' });
  expect(err).toMatch(
    /^teller: the books are being made again by rebuild job \d+, after a restore/m,
  );
  expect((await pool.query('select 1 from reconciliation_runs')).rows).toEqual([]);
});
