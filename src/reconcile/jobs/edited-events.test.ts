import { expect, onTestFinished, test } from 'vitest';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { endOf } from '../../../test/support/rebuilding.js';
import { followedBooks } from '../../../test/support/reconciling.js';
import { inTransaction } from '../../database/transaction.js';
import { goneAmong } from '../rebuild/gone-queries.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

const EVENTS = `starts_with(type, 'payment.') and data ->> 'amountLovelace' = '77000000'`;

/** Books that lack the row of a payment that was rolled back, and say something untrue elsewhere. */
async function lacking(edit: string, ofType = '%') {
  const database = await copyBooks();
  const { pool } = database;
  const lost = await pool.query<{ reference: string }>(
    `delete from incoming_payments where amount_lovelace = 77000000 and status = 'rolled_back'
     returning tx_hash || '#' || output_index as reference`,
  );
  expect(lost.rowCount).toBe(1);
  const elsewhere = await pool.query(
    `update incoming_payments set amount_lovelace = amount_lovelace + 1 where (tx_hash, output_index) in (
       select tx_hash, output_index from incoming_payments
        where spent_by is null and status = 'confirmed' limit 1)`,
  );
  expect(elsewhere.rowCount).toBe(1);
  const edited = await pool.query(`update outbox set ${edit} where ${EVENTS} and type like $1`, [
    ofType,
  ]);
  expect(edited.rowCount).toBe(ofType === '%' ? 2 : 1);
  const repair = async () => {
    const asked = { partitionId: 0, kind: 'repair', params: {}, requestedBy: 'test' } as const;
    const id = await requestJob(pool, asked);
    const leading = [provingJobs(net)];
    const worker = openWorker(database, net, { hotWallet: net.chain.faucet, leading });
    onTestFinished(worker.stop);
    return endOf(pool, id);
  };
  return { pool, repair, reference: lost.rows[0]?.reference ?? '' };
}

const set = (field: string, json: string): string =>
  `data = jsonb_set(data, '{${field}}', '${json}')`;

test.each([
  ['names an amount that is a word', set('amountLovelace', '"lots"')],
  ['names an amount without end', set('amountLovelace', `"${'9'.repeat(400)}"`)],
  ['names no amount', `data = data - 'amountLovelace'`],
  ['names no assets', `data = data - 'assets'`],
  ['names assets that are none', set('assets', '[]')],
  ['names a quantity that is a word', set('assets', '{"ab": "lots"}')],
  ['names confirmations beyond all numbers', set('requiredConfirmations', '99999999999')],
  ['names no confirmations', set('requiredConfirmations', '0')],
  ['names an address that is nobody’s', set('address', '"nowhere"')],
  ['is no event at all', `data = '[]'`],
])('an event that %s keeps a repair from nothing else, and is told of', async (_what, edit) => {
  const { repair } = await lacking(edit);
  const job = await repair();
  expect(job).toMatchObject({ state: 'done', problem: null });
  expect(job.result).toMatchObject({ found: 1, repaired: 1, ledger: { lost: 0 } });
  expect(job.result?.left).toEqual([
    expect.stringContaining('events that told of them were edited'),
  ]);
});

test.each([
  ['its events tell of it', 'data = data', '%'],
  ['the one tells of it that wasn’t edited', set('amountLovelace', '"lots"'), 'payment.detected'],
])('a payment without a row is put back as %s', async (_what, edit, ofType) => {
  const { pool, repair, reference } = await lacking(edit, ofType);
  const job = await repair();
  expect(job.result).toMatchObject({ repaired: 1, ledger: { lost: 1 }, left: [] });
  const { rows } = await pool.query(
    `select status, amount_lovelace::text as amount, inclusion from incoming_payments
      where tx_hash || '#' || output_index = $1`,
    [reference],
  );
  expect(rows).toEqual([{ status: 'rolled_back', amount: '77000000', inclusion: 1 }]);
});

test.each([
  ['a height above what was read', 'data = data', 1],
  ['a height that is a word', set('blockHeight', '"lots"'), 0],
  ['a height beyond all numbers', set('blockHeight', '9'.repeat(40)), 0],
  ['no height', set('blockHeight', 'null'), 0],
])('what an event with %s says is gone is believed so far', async (_what, edit, gone) => {
  const { pool, reference } = await lacking(edit);
  const scope = { jobId: '1', fromHeight: 0 };
  const found = await inTransaction(pool, (tx) => goneAmong(tx, scope, [reference]));
  expect(found.size).toBe(gone);
});
