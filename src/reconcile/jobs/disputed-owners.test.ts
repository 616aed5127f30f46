import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import {
  ANN,
  CAROL,
  depsOf,
  followedBooks,
  reconcileFully,
  register,
} from '../../../test/support/reconciling.js';
import { inTransaction } from '../../database/transaction.js';
import { rewriteDigests } from '../../payments/digest/recompute.js';
import { reconcile } from '../runs/reconcile.js';
import { followJob } from './follow-job.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

const ERIN = enterpriseAddress(9);

async function spoilable() {
  const database = await copyBooks();
  return database;
}

/** Does jobs one after the other, as whoever leads would. */
function leadOn(database: Awaited<ReturnType<typeof spoilable>>) {
  const hotWallet = net.chain.faucet;
  const worker = openWorker(database, net, { hotWallet, leading: [provingJobs(net)] });
  onTestFinished(worker.stop);
  const { pool } = database;
  return async (kind: 'repair' | 'rebuild', params: Readonly<Record<string, unknown>>) => {
    const asked = { partitionId: 0, kind, params, requestedBy: 'test' };
    const id = await requestJob(pool, asked);
    const job = await followJob(pool, id, () => undefined, AbortSignal.timeout(20_000));
    expect(job).toMatchObject({ state: 'done' });
    return job.result;
  };
}

/** Whose which money is. */
async function moneyIn(pool: Pool): Promise<readonly object[]> {
  const { rows } = await pool.query<object>(
    `select user_id, unit, available, held, pending from user_balances
      where (available, held, pending) <> (0, 0, 0) order by user_id, unit`,
  );
  return rows;
}

/** Which payments count, and for whom. */
async function paymentsIn(pool: Pool): Promise<readonly object[]> {
  const { rows } = await pool.query<object>(
    `select tx_hash, output_index, user_id, address, status, amount_lovelace, inclusion, partition_id
       from incoming_payments order by tx_hash, output_index`,
  );
  return rows;
}

const MOVED = `
  update payment_addresses set user_id = 'mallory' where user_id = 'ann';
  update incoming_payments set user_id = 'mallory' where user_id = 'ann'`;
const GONE = `
  delete from incoming_payments where user_id = 'carol';
  delete from payment_addresses where user_id = 'carol'`;
const UNAUDITED = `delete from audit_log where action = 'address.registered'`;
const FORGOTTEN = `${GONE};
  delete from balance_transactions where user_id = 'carol';
  delete from user_balances where user_id = 'carol'`;

describe('money stays whose it is, and a person is asked,', () => {
  test.each<[string, string, RegExp]>([
    [
      'where addresses were given to another user',
      `update payment_addresses set user_id = 'mallory' where user_id = 'ann'`,
      /belongs to mallory, and the audit log says that it was registered for ann: a person/,
    ],
    [
      'where addresses and their payments were',
      MOVED,
      /belongs to mallory, and the audit log says that it was registered for ann: a person/,
    ],
    [
      'where an address is gone with its payments',
      GONE,
      /isn't in the books, and the audit log says that it was registered for carol/,
    ],
    [
      'where an address is gone with all that it ever brought',
      FORGOTTEN,
      /isn't in the books, and the audit log says that it was registered for carol/,
    ],
    [
      'where nobody registered an address that was paid',
      `${UNAUDITED} and details ->> 'userId' = 'ann'`,
      /belongs to ann, and the audit log has no registration of it: a person must say whose/,
    ],
    [
      'where nobody registered it, and nothing was booked',
      `${UNAUDITED} and details ->> 'userId' = 'carol';
       delete from balance_transactions where user_id = 'carol';
       delete from user_balances where user_id = 'carol'`,
      /belongs to carol, and the audit log has no registration of it: a person must say whose/,
    ],
    [
      'where addresses stand in a partition that nobody follows',
      `update payment_addresses set partition_id = 7 where user_id = 'ann'`,
      /2 addresses in partition 7, which nobody follows/,
    ],
    [
      'where payments do',
      `update incoming_payments set partition_id = 1 where status = 'pending'`,
      /payments in partition 1, which nobody follows: this database has 1, from 0 on/,
    ],
    [
      'where outputs of the wallet do',
      `update wallet_outputs set partition_id = -1 where spent_by is not null`,
      /outputs of the hot wallet in partition -1, which nobody follows/,
    ],
  ])('%s', async (_what, corruption, words) => {
    const database = await spoilable();
    const { pool } = database;
    await pool.query(corruption);
    const books = async () => [await moneyIn(pool), await paymentsIn(pool)];
    const before = await books();

    const run = await reconcileFully(pool, net);
    const reasons = run.findings.map(({ unexplained }) => unexplained);
    expect([...reasons, run.problem].join()).toMatch(words);

    const lead = leadOn(database);
    const repaired = await lead('repair', { addresses: null });
    expect(JSON.stringify(repaired)).toMatch(run.problem === null ? /"open":[1-9]/ : words);
    expect(await books()).toEqual(before);

    const dry = await lead('rebuild', { from: 'origin', dryRun: true });
    expect(JSON.stringify(dry)).toMatch(words);
    const rebuilt = await lead('rebuild', { from: 'origin', dryRun: false });
    expect(JSON.stringify(rebuilt)).toMatch(words);
    expect(rebuilt).toMatchObject({ ledger: { entries: 0 } });
    expect(await books()).toEqual(before);
  });
});

test('an address that is gone takes no money along either where the digest was made to fit', async () => {
  const database = await spoilable();
  const { pool } = database;
  const before = await moneyIn(pool);
  await pool.query(GONE);
  await inTransaction(pool, (tx) => rewriteDigests(tx, 0, 0));
  const repaired = await leadOn(database)('repair', { addresses: null });
  expect(repaired).toMatchObject({ ledger: { entries: 0, lost: 0 } });
  expect(await moneyIn(pool)).toEqual(before);
});

test('each payment at an address that was given away is named, spent ones too, and none of them agrees', async () => {
  const { pool } = await spoilable();
  const sound = await reconcileFully(pool, net);
  await pool.query(MOVED);
  const { rows } = await pool.query<{ reference: string; held: boolean }>(
    `select tx_hash || '#' || output_index as reference, spent_by is null as held
       from incoming_payments where user_id = 'mallory' and status <> 'rolled_back' order by 1`,
  );
  const { findings, matched, mismatched, problem } = await reconcileFully(pool, net);
  expect(findings.map(({ reference }) => reference).sort()).toEqual(
    rows.map(({ reference }) => reference),
  );
  expect(new Set(findings.map(({ type }) => type))).toEqual(new Set(['owner_mismatch']));
  expect(new Set(rows.map(({ held }) => held))).toEqual(new Set([true, false]));
  expect({ matched, mismatched, problem }).toEqual({
    matched: sound.matched - rows.filter(({ held }) => held).length,
    mismatched: rows.length,
    problem: null,
  });
});

test('a comparison of single addresses looks whose they are, and at no others', async () => {
  const { pool } = await spoilable();
  await pool.query(MOVED);
  const at = (address: string) =>
    reconcile(depsOf(pool, net), {
      scope: { addresses: [address] },
      requestedBy: 'test',
      resume: false,
    });
  const anns = await at(ANN[0] ?? '');
  expect(anns.findings.length).toBeGreaterThan(0);
  expect(new Set(anns.findings.map(({ address }) => address))).toEqual(new Set([ANN[0]]));
  expect((await at(CAROL)).findings).toEqual([]);
});

test('an address stays whose it was registered for, also once it was out of the books', async () => {
  const { pool } = await spoilable();
  await register(pool, 'erin', [ERIN]);
  await pool.query(`update payment_addresses set user_id = 'mallory' where address = $1`, [ERIN]);
  const given = await reconcileFully(pool, net);
  expect(given.findings).toEqual([]);
  expect(given.problem).toContain(`address ${ERIN} belongs to mallory`);
  await pool.query('delete from payment_addresses where address = $1', [ERIN]);
  expect((await reconcileFully(pool, net)).problem).toContain(`address ${ERIN} isn't in the books`);
  await register(pool, 'frank', [ERIN]);
  expect((await reconcileFully(pool, net)).problem).toContain(`address ${ERIN} isn't in the books`);
  await register(pool, 'erin', [ERIN]);
  expect((await reconcileFully(pool, net)).problem).toBeNull();
});

test('a spent payment that was given to another user is given back, and takes no money along', async () => {
  const database = await spoilable();
  const { pool } = database;
  const before = await moneyIn(pool);
  const { rowCount } = await pool.query(
    `update incoming_payments set user_id = 'mallory' where spent_by is not null and status = 'confirmed'`,
  );
  expect(rowCount).toBeGreaterThan(0);
  const { findings } = await reconcileFully(pool, net);
  expect(findings).toHaveLength(rowCount ?? 0);
  expect(findings).toMatchObject(
    findings.map(() => ({ type: 'owner_mismatch', unexplained: null })),
  );
  const repaired = await leadOn(database)('repair', { addresses: null });
  expect(repaired).toMatchObject({ open: 0, left: [], problem: null, ledger: { entries: 0 } });
  expect(await moneyIn(pool)).toEqual(before);
  const { rows } = await pool.query(`select 1 from incoming_payments where user_id = 'mallory'`);
  expect(rows).toEqual([]);
});

/** A payment that a block rolled back while another hand had given it to mallory: it is taken from her, and left to ann. */
const REVERSED = `
  insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status)
  values (repeat('e', 64), 0, $1, 'mallory', 5000000, 'rolled_back')`;
const REVERSAL = `
  with entry as (
    insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
    values ('ann', 'lovelace', 'pending', 'credit', 5000000, 'payment_detected', repeat('e', 64), 0, 1),
           ('mallory', 'lovelace', 'pending', 'debit', 5000000, 'payment_rolled_back', repeat('e', 64), 0, 1)
    returning user_id, case type when 'credit' then amount else -amount end as pending)
  insert into user_balances (user_id, unit, pending) select user_id, 'lovelace', pending from entry
  on conflict (user_id, unit) do update set pending = user_balances.pending + excluded.pending`;

test.each([
  ['repair', { addresses: null }],
  ['rebuild', { from: 'origin', dryRun: false }],
] as const)(
  'what was rolled back in the wrong name is nobody’s after a %s',
  async (kind, params) => {
    const database = await copyBooks();
    const { pool } = database;
    const before = await moneyIn(pool);
    await pool.query(REVERSED, [ANN[0]]);
    await pool.query(REVERSAL);
    expect(await moneyIn(pool)).not.toEqual(before);
    expect(await leadOn(database)(kind, params)).toMatchObject({ open: 0, left: [] });
    expect(await moneyIn(pool)).toEqual(before);
  },
);
