import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { inTransaction } from '../../database/transaction.js';
import type { DiscrepancyType, Finding } from '../model/finding.js';
import { concludeOutputs, storeSuspects } from './discrepancy-queries.js';
import { firstProgress } from './run-progress.js';
import { insertRun } from './run-queries.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const [ONE, TWO, THREE] = ['1', '2', '3'].map((digit) => `${digit.repeat(64)}#0` as const);

const doubted = (reference = '', doubt: 'gone' | 'placement') => ({
  doubt,
  reference,
  address: 'a',
  recorded: null,
  onChain: null,
});
const found = (reference = '', type: DiscrepancyType): Finding => ({
  type,
  reference,
  address: 'a',
  recorded: null,
  onChain: null,
  unexplained: null,
});

test('what blocks say of an output that was in doubt is told by the number that it had', async () => {
  const runId = await insertRun(
    pool,
    { partitionId: 0, scope: 'full', requestedBy: 'test', repair: false },
    firstProgress('2f1d6b7e-0d5c-4f43-9d55-6b1b1f0f6a11'),
  );
  const rows = async () =>
    (
      await pool.query<{ id: string; reference: string; type: string }>(
        `select id::text, tx_hash || '#' || output_index as reference, type
           from reconciliation_discrepancies order by id`,
      )
    ).rows;
  await inTransaction(pool, (tx) =>
    storeSuspects(tx, runId, [
      doubted(ONE, 'placement'),
      doubted(TWO, 'gone'),
      doubted(TWO, 'placement'),
      doubted(THREE, 'gone'),
    ]),
  );
  const [one, twoGone, twoPlaced] = await rows();

  await inTransaction(pool, (tx) =>
    concludeOutputs(
      tx,
      runId,
      [ONE, TWO, THREE].flatMap((reference) => reference ?? []),
      [
        found(ONE, 'amount_mismatch'),
        found(ONE, 'unspent_mismatch'),
        found(TWO, 'extra_in_db'),
        found(TWO, 'status_mismatch'),
        found(TWO, 'status_mismatch'),
      ],
    ),
  );

  const [first, second, third, fourth, ...none] = await rows();
  expect([first, second, third]).toEqual([
    { ...one, type: 'amount_mismatch' },
    { ...twoGone, type: 'extra_in_db' },
    twoPlaced,
  ]);
  expect(fourth).toMatchObject({ reference: ONE, type: 'unspent_mismatch' });
  expect(none).toEqual([]);
});
