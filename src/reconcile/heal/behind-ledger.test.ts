import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { handMadeBooks } from '../../../test/support/hand-made-books.js';
import { inTransaction } from '../../database/transaction.js';
import {
  entriesOfConfirmation,
  entriesOfDetection,
  entriesOfRollback,
} from '../../payments/ledger.js';
import {
  endAgain,
  paymentsBehindLedger,
  paymentsEndedInLedger,
  raiseInclusions,
} from './behind-ledger.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const BY = { partitionId: 0, actor: 'cli:eve', cause: 'repair job 7' };
const AT = new Date('2026-01-31T00:00:00Z');
const audited = async () =>
  (
    await pool.query<{ action: string; actor: string; details: object }>(
      'select action, actor, details from audit_log order by id desc limit 1',
    )
  ).rows[0];

test('a payment behind its ledger is raised, and the audit log has why, and both inclusions', async () => {
  const books = handMadeBooks(pool);
  const payment = await books.payment({ status: 'confirmed', inclusion: 2 });
  await books.enter([...entriesOfDetection(payment), ...entriesOfConfirmation(payment)]);
  await pool.query('update incoming_payments set inclusion = 1');
  const behind = await paymentsBehindLedger(pool, 0);
  expect(await inTransaction(pool, (tx) => raiseInclusions(tx, AT, BY, behind))).toBe(1);
  expect(await audited()).toEqual({
    action: 'payment.inclusion_corrected',
    actor: 'cli:eve',
    details: { cause: 'repair job 7', before: { inclusion: 1 }, after: { inclusion: 2 } },
  });
});

test('a payment that the ledger ended is rolled back, and the audit log has why, and its row of before', async () => {
  const books = handMadeBooks(pool);
  const payment = await books.payment({ status: 'confirmed' });
  const entries = [...entriesOfDetection(payment), ...entriesOfConfirmation(payment)];
  await books.enter([...entries, ...entriesOfRollback(payment)]);
  const ended = await paymentsEndedInLedger(pool, 0);
  expect(await inTransaction(pool, (tx) => endAgain(tx, AT, BY, ended))).toBe(1);
  const { blockHash, blockHeight } = payment;
  const nowhere = {
    blockHash: null,
    blockHeight: null,
    slot: null,
    spentBy: null,
    confirmedAt: null,
  };
  expect(await audited()).toMatchObject({
    action: 'payment.rollback_corrected',
    actor: 'cli:eve',
    details: {
      cause: 'repair job 7',
      before: { status: 'confirmed', inclusion: 1, blockHash, blockHeight, spentBy: null },
      after: { status: 'rolled_back', inclusion: 1, ...nowhere },
    },
  });
});
