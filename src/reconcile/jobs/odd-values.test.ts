import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { askRebuild, booksOf, endOf } from '../../../test/support/rebuilding.js';
import { ANN, CAROL, followedBooks, reconcileFully } from '../../../test/support/reconciling.js';
import { checkDigest } from '../../payments/digest/check-digest.js';
import { verifyBooks } from '../verify/verify-books.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

const UNIT = 'ab'.repeat(28);
const FIRST = (table: string, where: string): string => `
  update ${table} set CHANGE where (tx_hash, output_index) = (
    select tx_hash, output_index from ${table} where ${where} order by tx_hash, output_index limit 1)`;
const HELD = FIRST(
  'incoming_payments',
  `spent_by is null and status = 'confirmed' and block_height is not null`,
);
const SPENT = FIRST(
  'incoming_payments',
  `spent_by is not null and status = 'confirmed' and block_height is not null`,
);
const BEFORE = FIRST('incoming_payments', `address = '${CAROL}'`);
const WALLET = FIRST('wallet_outputs', 'spent_by is null');
const SPENT_WALLET = FIRST('wallet_outputs', 'spent_by is not null and block_height is not null');
const assets = (json: string): string => `assets = '{"${UNIT}": ${json}}'`;
const HIGHEST = '9223372036854775807';
const NOWHERE = `block_hash = null, block_height = null, slot = null, tx_position = null`;

type Case = readonly [what: string, rows: string, change: string, type: string];
const ODD_VALUES: readonly Case[] = [
  ['a quantity is a word', HELD, assets('"lots"'), 'amount_mismatch'],
  ['a quantity is null', HELD, assets('null'), 'amount_mismatch'],
  ['a quantity is a fraction', HELD, assets('1.5'), 'amount_mismatch'],
  ['a quantity is nested', HELD, assets('{"of": ["1"]}'), 'amount_mismatch'],
  ['a quantity is beyond all numbers', HELD, assets('1e400'), 'amount_mismatch'],
  ['a quantity is a power of ten', HELD, assets('"1e400"'), 'amount_mismatch'],
  ['a quantity of a spent payment is a word', SPENT, assets('"lots"'), 'amount_mismatch'],
  ['a quantity of the wallet is a word', WALLET, assets('"lots"'), 'amount_mismatch'],
  ['an amount is no number', HELD, `amount_lovelace = 'NaN'`, 'amount_mismatch'],
  ['an amount is endless', HELD, `amount_lovelace = 'Infinity'`, 'amount_mismatch'],
  [
    'an amount of a spent payment is no number',
    SPENT,
    `amount_lovelace = 'NaN'`,
    'amount_mismatch',
  ],
  ['an amount of the wallet is a fraction', WALLET, 'amount_lovelace = 1.5', 'amount_mismatch'],
  ['an amount of the wallet is no number', WALLET, `amount_lovelace = 'NaN'`, 'amount_mismatch'],
  [
    'an amount that the wallet spent is no number',
    SPENT_WALLET,
    `amount_lovelace = 'NaN'`,
    'amount_mismatch',
  ],
  ['an amount of the wallet is endless', WALLET, `amount_lovelace = 'Infinity'`, 'amount_mismatch'],
  [
    'it is said to have been told of by a ledger beyond all heights',
    HELD,
    `${NOWHERE}, counted_from = ${HIGHEST}`,
    'status_mismatch',
  ],
  ['its block is beyond all heights', HELD, `block_height = ${HIGHEST}`, 'status_mismatch'],
  ['its ledger is beyond all heights', BEFORE, `counted_from = ${HIGHEST}`, 'status_mismatch'],
];

/** Books that a hand changed, and what they were. */
async function spoilt(rows: string, change: string) {
  const database = await copyBooks();
  const { pool } = database;
  const before = await booksOf(pool);
  // Whoever writes such amounts has taken this away first.
  await pool.query(
    'alter table incoming_payments drop constraint incoming_payments_amount_is_finite',
  );
  expect((await pool.query(rows.replace('CHANGE', () => change))).rowCount).toBe(1);
  return { database, pool, before };
}

function lead(database: Awaited<ReturnType<typeof spoilt>>['database']) {
  const hotWallet = net.chain.faucet;
  const worker = openWorker(database, net, { hotWallet, leading: [provingJobs(net)] });
  onTestFinished(worker.stop);
}

const expectSound = async (pool: Pool, before: readonly string[]): Promise<void> => {
  expect(await booksOf(pool)).toEqual(before);
  expect((await verifyBooks(pool)).totalMismatches).toBe(0);
  expect((await reconcileFully(pool, net)).findings).toEqual([]);
};

describe.each(ODD_VALUES)('where %s', (_what, rows, change, type) => {
  test('proving the books names it, and a repair heals it', async () => {
    const { database, pool, before } = await spoilt(rows, change);
    const { findings } = await reconcileFully(pool, net);
    expect(findings.map((one) => one.type)).toEqual([type]);
    expect(findings[0]).toMatchObject({ unexplained: null });
    expect((await checkDigest(pool, 0)).firstDifference).not.toBeNull();
    expect((await verifyBooks(pool)).totalMismatches).toBeGreaterThan(0);

    lead(database);
    const job = await endOf(
      pool,
      await requestJob(pool, { partitionId: 0, kind: 'repair', params: {}, requestedBy: 'test' }),
    );
    expect(job).toMatchObject({ state: 'done', problem: null });
    expect(job.result).toMatchObject({ found: 1, repaired: 1, open: 0, left: [], problem: null });
    await expectSound(pool, before);
  });

  test('a rebuild finds and heals it', async () => {
    const { database, pool, before } = await spoilt(rows, change);
    lead(database);
    const dry = await endOf(pool, await askRebuild(pool, { from: 'origin', dryRun: true }));
    expect(dry).toMatchObject({ state: 'done', result: { differences: { [type]: 1 }, open: 1 } });
    const job = await endOf(pool, await askRebuild(pool, { from: 'origin' }));
    expect(job).toMatchObject({ state: 'done', result: { healed: 1, open: 0, left: [] } });
    await expectSound(pool, before);
  });
});

test.each(['infinity', '-infinity'])(
  'a confirmation at %s is found and set right',
  async (time) => {
    const { database, pool, before } = await spoilt(HELD, `confirmed_at = '${time}'`);
    lead(database);
    const dry = await endOf(pool, await askRebuild(pool, { from: 'origin', dryRun: true }));
    expect(dry).toMatchObject({ state: 'done', result: { ledgerDifferences: { payments: 1 } } });
    const job = await endOf(
      pool,
      await requestJob(pool, { partitionId: 0, kind: 'repair', params: {}, requestedBy: 'test' }),
    );
    expect(job).toMatchObject({ state: 'done', result: { open: 0, left: [] } });
    const { rows } = await pool.query(
      'select 1 from incoming_payments where not isfinite(confirmed_at)',
    );
    expect(rows).toEqual([]);
    const told = await pool.query(
      "select details ->> 'cause' as cause from audit_log where action = 'payment.corrected'",
    );
    expect(told.rows).toHaveLength(1);
    await expectSound(pool, before);
  },
);

test('an entry of no number is told and left to a person, because no entry makes it good', async () => {
  const { database, pool } = await spoilt(HELD, 'inclusion = inclusion');
  await pool.query(
    'alter table balance_transactions drop constraint balance_transactions_amount_check1',
  );
  await pool.query(
    "update balance_transactions set amount = 'NaN' where id = (select max(id) from balance_transactions)",
  );
  lead(database);
  const repair = { partitionId: 0, kind: 'repair', params: {}, requestedBy: 'test' } as const;
  for (const id of [await requestJob(pool, repair), await askRebuild(pool, { from: 'origin' })]) {
    const { result } = await endOf(pool, id);
    expect(result?.left).toEqual([expect.stringMatching(/^1 case: .* no numbers/)]);
  }
});

test('a discrepancy keeps what stands in the row and what the chain has', async () => {
  const { pool } = await spoilt(HELD, `amount_lovelace = 'NaN', ${assets('{"of": 1}')}`);
  const { runId } = await reconcileFully(pool, net);
  const { rows } = await pool.query(
    'select type, recorded, on_chain as "onChain" from reconciliation_discrepancies where run_id = $1',
    [runId],
  );
  expect(rows).toMatchObject([
    {
      type: 'amount_mismatch',
      recorded: { amountLovelace: 'NaN', assets: { [UNIT]: { of: 1 } } },
      onChain: { assets: {} },
    },
  ]);
});

test('what a repair of some addresses did not look at is not booked after a value that is none', async () => {
  const { database, pool, before } = await spoilt(SPENT, `amount_lovelace = 'NaN'`);
  lead(database);
  const params = { addresses: ANN };
  const job = await endOf(
    pool,
    await requestJob(pool, { partitionId: 0, kind: 'repair', params, requestedBy: 'test' }),
  );
  expect(job).toMatchObject({ state: 'done' });
  const ledger = (lines: readonly string[]) => lines.filter((line) => line.startsWith('balance'));
  expect(ledger(await booksOf(pool))).toEqual(ledger(before));
  const entries = await pool.query(
    "select count(*)::int as odd from balance_transactions where amount = 'NaN'",
  );
  expect(entries.rows).toEqual([{ odd: 0 }]);
});

test('assets of the wallet that are no units are refused', async () => {
  const { pool } = await spoilt(WALLET, 'has_script = has_script');
  for (const odd of ['[]', 'null', '"lots"', '5']) {
    await expect(pool.query('update wallet_outputs set assets = $1', [odd])).rejects.toMatchObject({
      code: '23514',
    });
  }
});
