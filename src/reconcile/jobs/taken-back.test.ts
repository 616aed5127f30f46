import { expect, onTestFinished, test } from 'vitest';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { endOf } from '../../../test/support/rebuilding.js';
import { followedBooks } from '../../../test/support/reconciling.js';
import { isClean, readResult } from '../../verbs/rebuild-words.js';
import { verifyBooks } from '../verify/verify-books.js';
import { type JobKind, requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

const INVENTED = 'ab'.repeat(32);
/** As blocks and a repair leave it: a row that was put in was confirmed, and then taken back; its row is gone. */
const LEFT = `
  insert into balance_transactions
    (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion, correction_id)
  select 'ann', 'lovelace', bucket, type, 5, reason, '${INVENTED}', 0, 1, correction
    from (values ('pending', 'debit', 'payment_confirmed', null), ('available', 'credit', 'payment_confirmed', null),
                 ('pending', 'credit', 'correction', 999), ('available', 'debit', 'correction', 999))
      as e (bucket, type, reason, correction)`;
const TOLD = `
  insert into outbox (type, event_key, data)
  select type, type || ':${INVENTED}#0:1',
         jsonb_set(jsonb_set(data, '{txHash}', '"${INVENTED}"'), '{amountLovelace}', '"5"')
    from outbox where type = 'payment.confirmed' order by id limit 1`;
const EDIT = `
  update outbox set data = jsonb_set(data, '{amountLovelace}', '"lots"') where event_key like '%${INVENTED}%'`;

async function books(statements: readonly string[]) {
  const database = await copyBooks();
  const { pool } = database;
  for (const statement of statements) await pool.query(statement);
  const leading = [provingJobs(net)];
  const worker = openWorker(database, net, { hotWallet: net.chain.faucet, leading });
  onTestFinished(worker.stop);
  const ask = async (kind: JobKind, params: Readonly<Record<string, unknown>>) =>
    endOf(pool, await requestJob(pool, { partitionId: 0, kind, params, requestedBy: 'test' }));
  const dryRun = async () => readResult(await ask('rebuild', { from: 'origin', dryRun: true }));
  const orphans = async (): Promise<number> => (await verifyBooks(pool)).orphans.count;
  return { pool, ask, dryRun, orphans };
}

const KINDS: readonly (readonly [JobKind, Readonly<Record<string, unknown>>])[] = [
  ['repair', {}],
  ['rebuild', { from: 'origin', dryRun: false }],
];
const CASES = KINDS.flatMap(([kind, params]) => [
  { kind, params, what: 'of which nothing was told', told: [], rows: 0 },
  { kind, params, what: 'of which a block told', told: [TOLD], rows: 1 },
]);

test.each(CASES)(
  'entries that were taken back, $what, are settled by a $kind where their row is gone',
  { timeout: 60_000 },
  async ({ kind, params, told, rows }) => {
    const { pool, ask, dryRun, orphans } = await books([LEFT, ...told]);
    expect(await orphans()).toBe(4);
    const before = await dryRun();
    expect(before).toMatchObject({ ledgerDifferences: { lost: 1 } });
    const { result } = await ask(kind, params);
    expect(result).toMatchObject({ left: [], open: 0, ledger: { lost: 1, entries: 0 } });
    expect(await verifyBooks(pool)).toMatchObject({ orphans: { count: 0 }, totalMismatches: 0 });
    const after = await dryRun();
    expect(after !== null && isClean(after)).toBe(true);
    expect((await ask(kind, params)).result).toMatchObject({ left: [], ledger: { lost: 0 } });
    const stored = await pool.query(
      `select 1 from incoming_payments where tx_hash = '${INVENTED}' and status = 'rolled_back'`,
    );
    expect(stored.rowCount).toBe(rows);
  },
);

test('entries that were settled are told of again once they add up to something', async () => {
  const { pool, ask, orphans } = await books([LEFT]);
  await ask('repair', {});
  expect(await orphans()).toBe(0);
  await pool.query(`
    insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
    values ('ann', 'lovelace', 'available', 'credit', 9, 'payment_confirmed', '${INVENTED}', 0, 7)`);
  expect(await orphans()).toBe(5);
});

test.each(KINDS)(
  'what is told of edited events is left open by a %s as by a verification',
  { timeout: 60_000 },
  async (kind, params) => {
    const { ask, dryRun, orphans } = await books([LEFT, TOLD, EDIT]);
    const { result } = await ask(kind, params);
    expect(result?.left).toEqual([expect.stringContaining('events that told of them were edited')]);
    expect(await orphans()).toBe(4);
    const after = await dryRun();
    expect(after !== null && isClean(after)).toBe(false);
  },
);
