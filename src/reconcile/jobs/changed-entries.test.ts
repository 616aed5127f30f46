import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { followedBooks } from '../../../test/support/reconciling.js';
import { sealedTables } from '../../../test/support/sealed-tables.js';
import { inTransaction } from '../../database/transaction.js';
import { acceptSeals } from '../seals/check-seals.js';
import { followJob } from './follow-job.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

const GIVEN = `
  with entry as (
    insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
    values ('ann', 'lovelace', 'available', 'credit', 77, 'goodwill'), ('bob', 'lovelace', 'available', 'credit', 5, 'goodwill')
    returning user_id, amount)
  insert into user_balances (user_id, unit, available) select user_id, 'lovelace', amount from entry
  on conflict (user_id, unit) do update set available = user_balances.available + excluded.available`;

/** Books in which people booked by hand, all of it sealed, and a leader that heals them. */
async function sealedBooks() {
  const database = await copyBooks();
  const { pool } = database;
  await pool.query(GIVEN);
  await sealedTables(pool).sealAll();
  const hotWallet = net.chain.faucet;
  const worker = openWorker(database, net, { hotWallet, leading: [provingJobs(net)] });
  onTestFinished(worker.stop);
  const heal = async (kind: 'repair' | 'rebuild') => {
    const params = kind === 'repair' ? { addresses: null } : { from: 'origin', dryRun: false };
    const id = await requestJob(pool, { partitionId: 0, kind, params, requestedBy: 'test' });
    const job = await followJob(pool, id, () => undefined, AbortSignal.timeout(20_000));
    expect(job).toMatchObject({ state: 'done', problem: null });
    return job.result;
  };
  return { pool, heal };
}

async function balancesIn(pool: Pool): Promise<readonly object[]> {
  const { rows } = await pool.query<object>(
    `select user_id, unit, available::text, held::text, pending::text from user_balances
      where (available, held, pending) <> (0, 0, 0) order by user_id, unit`,
  );
  return rows;
}

const BY_HAND = `reason = 'goodwill' and user_id = 'ann'`;
const PAYMENTS_OF_ANN = `tx_hash is not null and user_id = 'ann'`;

const UNPROVEN: [string, string][] = [
  ['was deleted', `delete from balance_transactions where ${BY_HAND}`],
  ['was given to another user', `update balance_transactions set user_id = 'eve' where ${BY_HAND}`],
  [
    'was deleted together with those of payments',
    `delete from balance_transactions where ${BY_HAND} or ${PAYMENTS_OF_ANN}`,
  ],
];

describe.each(UNPROVEN)('a balance is left alone where an entry by hand %s:', (_what, sql) => {
  test.each(['repair', 'rebuild'] as const)('%s', async (kind) => {
    const { pool, heal } = await sealedBooks();
    const before = await balancesIn(pool);
    expect((await pool.query(sql)).rowCount).toBeGreaterThan(0);
    const result = await heal(kind);
    expect(await balancesIn(pool)).toEqual(before);
    expect(result?.sealsChanged).toEqual({ count: 1, shown: ['ledger/1'] });
    expect(String(result?.left)).toMatch(
      /balances .*changed after they were sealed: a person must look/,
    );
  });
});

test('what entries of payments lack is appended, and explains their balances, whatever else was changed', async () => {
  const { pool, heal } = await sealedBooks();
  const before = await balancesIn(pool);
  await pool.query(`delete from balance_transactions where ${PAYMENTS_OF_ANN}`);
  const sealsChanged = { count: 1, shown: ['ledger/1'] };
  expect(await heal('repair')).toMatchObject({ open: 0, left: [], sealsChanged });
  expect(await balancesIn(pool)).toEqual(before);
});

test('all that a person must accept is named, in the ledger and in the audit log', async () => {
  const { pool, heal } = await sealedBooks();
  const before = await balancesIn(pool);
  await pool.query(`delete from balance_transactions where ${PAYMENTS_OF_ANN}`);
  await pool.query(`update audit_log set actor = 'eve' where id = (select min(id) from audit_log)`);
  const sealsChanged = { count: 2, shown: ['ledger/1', 'audit/1'] };
  expect(await heal('repair')).toMatchObject({ open: 0, left: [], sealsChanged });
  expect(await balancesIn(pool)).toEqual(before);
});

test('a balance follows its entries again once a person has accepted them as they are', async () => {
  const { pool, heal } = await sealedBooks();
  await pool.query(`delete from balance_transactions where ${BY_HAND}`);
  const accepted = await inTransaction(pool, (tx) =>
    acceptSeals(tx, new Date(), [{ chain: 'ledger', seal: 1 }], 'zoe', 'looked into it'),
  );
  expect(accepted).toBe(1);
  expect(await heal('repair')).toMatchObject({
    left: [],
    ledger: { balances: 1 },
    sealsChanged: { count: 0, shown: [] },
  });
});
