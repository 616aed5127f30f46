import type { Pool } from 'pg';
import { describe, expect, test } from 'vitest';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { booksOf } from '../../../test/support/rebuilding.js';
import { CAROL, DAVE, followedBooks, reconcileFully } from '../../../test/support/reconciling.js';
import { readDigest } from '../../payments/digest/digest-queries.js';
import { followJob } from './follow-job.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

type Books = Awaited<ReturnType<typeof copyBooks>>;

async function prove(
  database: Books,
  kind: 'repair' | 'rebuild',
  params: Readonly<Record<string, unknown>>,
) {
  const leader = openWorker(database, net, {
    hotWallet: net.chain.faucet,
    leading: [provingJobs(net)],
  });
  const asked = { partitionId: 0, kind, params, requestedBy: 'test' };
  const id = await requestJob(database.pool, asked);
  const job = await followJob(database.pool, id, () => undefined, AbortSignal.timeout(20_000));
  await leader.stop();
  expect(job).toMatchObject({ state: 'done' });
  return job.result;
}

const WAYS = [
  ['repair', { addresses: null }],
  ['repair', { addresses: [CAROL, DAVE, net.chain.faucet] }],
  ['rebuild', { from: 'origin', dryRun: false }],
] as const;

const EARLIER = `update incoming_payments set counted_from = 3 where address = '${CAROL}'`;
const CHANGES = [
  ['of one payment', EARLIER],
  [
    'of one that was ignored',
    `update incoming_payments set counted_from = 4 where address = '${DAVE}'`,
  ],
  ['of all', 'update incoming_payments set counted_from = 10000 where counted_from is not null'],
  [
    'with another amount',
    `update incoming_payments set counted_from = 3, amount_lovelace = 5 where address = '${CAROL}'`,
  ],
  [
    'of the wallet',
    'update wallet_outputs set counted_from = counted_from + 2 where counted_from is not null',
  ],
] as const;

async function countedFrom(pool: Pool): Promise<number | undefined> {
  const { rows } = await pool.query<{ height: number }>(
    `select counted_from::int as height from incoming_payments where address = '${CAROL}'`,
  );
  return rows[0]?.height;
}

const audited = async (pool: Pool) =>
  (
    await pool.query<{ before: number; after: number }>(`
      select (details -> 'recorded' ->> 'countedFrom')::int as before,
             (details -> 'onChain' ->> 'countedFrom')::int as after
        from audit_log where action = 'output.corrected' order by id`)
  ).rows;

describe.each(WAYS)('a %s of %j', (kind, params) => {
  test.each(CHANGES)(
    'lets count again from where it did what was changed %s',
    async (_, change) => {
      const database = await copyBooks();
      const { pool } = database;
      const before = await booksOf(pool);
      const { rowCount } = await pool.query(change);
      expect(rowCount).toBeGreaterThan(0);
      const result = await prove(database, kind, params);
      expect(result).toMatchObject({ open: 0, problem: null, left: [] });
      expect(await booksOf(pool)).toEqual(before);
      expect(await reconcileFully(pool, net)).toMatchObject({ findings: [], problem: null });
    },
  );

  test('tells the audit log from where and to where', async () => {
    const database = await copyBooks();
    const after = await countedFrom(database.pool);
    await database.pool.query(EARLIER);
    await prove(database, kind, params);
    expect(await audited(database.pool)).toEqual([{ before: 3, after }]);
  });

  test('leaves what nobody can tell, and its digest', async () => {
    const database = await copyBooks();
    const { pool } = database;
    await pool.query(`${EARLIER};
      update payment_addresses set backfilled_height = 9 where address = '${CAROL}'`);
    const spoilt = await booksOf(pool);
    expect(await prove(database, kind, params)).toMatchObject({ open: 1 });
    expect(await booksOf(pool)).toEqual(spoilt);
    const { findings } = await reconcileFully(pool, net);
    expect(findings).toMatchObject([{ type: 'status_mismatch' }]);
    expect(findings[0]?.unexplained).toMatch(/counts from block 3, .* a person must say/);
  });

  test('leaves alone what was asked for again because its address was registered anew', async () => {
    const database = await copyBooks();
    const { pool } = database;
    await pool.query(
      `update payment_addresses set backfilled_height = (select last_block_height from sync_state)`,
    );
    const before = await booksOf(pool);
    expect(await prove(database, kind, params)).toMatchObject({ open: 0, left: [] });
    expect(await booksOf(pool)).toEqual(before);
  });
});

test('a dry run names it, and tells the digest of the chain', async () => {
  const database = await copyBooks();
  const { digest } = await readDigest(database.pool, 0);
  const right = await countedFrom(database.pool);
  await database.pool.query(EARLIER);
  expect(await prove(database, 'rebuild', { from: 'origin', dryRun: true })).toMatchObject({
    differences: { status_mismatch: 1 },
    examples: [{ recorded: { countedFrom: 3 }, onChain: { countedFrom: right } }],
    digest: { stored: digest, derived: digest },
  });
});
