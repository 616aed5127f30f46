import { once } from 'node:events';
import type { Pool } from 'pg';
import { expect, test } from 'vitest';
import { openWorker, viewOf } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { ANN, CAROL, followedBooks, reconcileFully } from '../../../test/support/reconciling.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { checkDigest } from '../../payments/digest/check-digest.js';
import type { ChainView, LedgerView } from '../../sync/chain-view.js';
import type { ObserveProof } from '../model/proof-events.js';
import { verifyBooks } from '../verify/verify-books.js';
import { followJob } from './follow-job.js';
import { type JobRequest, requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

const viewThat = (differs: Partial<LedgerView>): ChainView => ({
  ...viewOf(net),
  ledgerAt: async (...args) => ({ ...(await viewOf(net).ledgerAt(...args)), ...differs }),
});

const ALL = {
  partitionId: 0,
  kind: 'repair',
  params: { addresses: null },
  requestedBy: 'test',
} as const;
const followed = (pool: Pool, id: string) =>
  followJob(pool, id, () => undefined, AbortSignal.timeout(20_000));

const openLeader = (database: TestDatabase, observe?: ObserveProof) => {
  const leading = [provingJobs(net, observe === undefined ? {} : { observe })];
  return openWorker(database, net, { hotWallet: net.chain.faucet, leading });
};

/** Asks for a repair and leads until it is done. */
async function repaired(database: TestDatabase, observe?: ObserveProof, asked: JobRequest = ALL) {
  const id = await requestJob(database.pool, asked);
  const worker = openLeader(database, observe);
  return await followed(database.pool, id).finally(worker.stop);
}

test('a repair links a digest anew that another hand changed, where the tables equal the blocks', async () => {
  const database = await copyBooks();
  const { pool } = database;
  const before = await checkDigest(pool, 0);
  await pool.query(
    'update state_digests set digest = md5(digest) || md5(digest) where height % 2 = 0',
  );
  const { result } = await repaired(database);
  expect(result).toMatchObject({ open: 0, problem: null, left: [] });
  expect(await checkDigest(pool, 0)).toEqual(before);
  const audit = await pool.query("select action from audit_log where entity_type = 'state_digest'");
  expect(audit.rows).toEqual([{ action: 'digest.corrected' }]);
});

test('a repair leaves a digest as it is that tells of what was there before the first block', async () => {
  const database = await copyBooks();
  const { pool } = database;
  const newest = 'height = (select max(height) from state_digests)';
  await pool.query('update sync_state set start_height = (select max(height) from state_digests)');
  await pool.query(`update state_digests set digest = md5(digest) || md5(digest) where ${newest}`);
  const before = await checkDigest(pool, 0);
  const { result } = await repaired(database);
  expect(result?.problem).toContain('what was there before the first block is in no block');
  expect(await checkDigest(pool, 0)).toEqual(before);
});

test('a repair of some addresses heals what another hand made of spent outputs there', async () => {
  const database = await copyBooks();
  const { pool } = database;
  const before = await checkDigest(pool, 0);
  const { rowCount } = await pool.query(
    `update incoming_payments set spent_by = repeat('ab', 32), amount_lovelace = amount_lovelace + 1
      where address = any($1) and spent_by is not null`,
    [ANN],
  );
  expect(rowCount).toBeGreaterThan(0);
  const asked = { ...ALL, params: { addresses: ANN } };
  const { result } = await repaired(database, undefined, asked);
  expect(result).toMatchObject({ repaired: 2 * (rowCount ?? 0), open: 0, problem: null, left: [] });
  expect(await checkDigest(pool, 0)).toEqual(before);
  expect((await reconcileFully(pool, net)).findings).toEqual([]);
});

test('a repair whose leader ends while it compares goes on where it was with the next leader', async () => {
  const database = await copyBooks();
  const { pool } = database;
  await pool.query('delete from incoming_payments where address = $1', [CAROL]);
  const id = await requestJob(pool, ALL);

  const comparing = new EventTarget();
  const ended = new EventTarget();
  const untilEnded = once(ended, 'ended');
  const reached = once(comparing, 'addresses');
  const first = openWorker(database, net, {
    hotWallet: net.chain.faucet,
    leading: [
      provingJobs(net, {
        chain: viewThat({
          atAddresses: async () => {
            comparing.dispatchEvent(new Event('addresses'));
            await untilEnded;
            throw new Error('its leader ended');
          },
        }),
      }),
    ],
  });
  await reached;
  const stopped = first.stop();
  ended.dispatchEvent(new Event('ended'));
  await stopped;

  const second = openLeader(database);
  const job = await followed(pool, id);
  await second.stop();
  expect(job).toMatchObject({ state: 'done', result: { repaired: 1, open: 0 } });
  const { rows } = await pool.query('select state, missing::int from reconciliation_runs');
  expect(rows).toEqual([{ state: 'finished', missing: 1 }]);
});

test('a payment gets the references of its address back, where the address still has those it was registered with', async () => {
  const database = await copyBooks();
  const { pool } = database;
  await pool.query(
    `update incoming_payments set reference_type = 'order', reference_id = '13' where address = $1`,
    [CAROL],
  );
  await pool.query(`update payment_addresses set reference_id = 'forged' where address = $1`, [
    ANN[0],
  ]);
  const { references } = await verifyBooks(pool);
  const atAnns = references.shown.filter(({ userId }) => userId === 'ann');
  expect(references.shown.filter(({ userId }) => userId === 'carol')).toMatchObject([
    {
      recorded: { referenceType: 'order', referenceId: '13' },
      ofAddress: { referenceType: null, referenceId: null },
    },
  ]);
  expect(atAnns.length).toBeGreaterThan(0);
  expect(references.count).toBe(atAnns.length + 1);

  const { result } = await repaired(database);
  expect(result).toMatchObject({ references: 1, open: 0 });
  const verified = await verifyBooks(pool);
  expect(verified.references).toEqual({ count: atAnns.length, shown: atAnns });
  expect(verified.totalMismatches).toBe(atAnns.length);
  const audit = await pool.query(
    "select details from audit_log where action = 'payment.references_corrected'",
  );
  expect(audit.rows).toMatchObject([
    { details: { before: { referenceId: '13' }, after: { referenceId: null } } },
  ]);
});

test('a repair tells how long it took since somebody began with it', async () => {
  const database = await copyBooks();
  const took: number[] = [];
  const before = performance.now();
  await repaired(database, (event) => {
    if (event.type === 'reconciliation_finished') took.push(event.seconds);
  });
  expect(took).toHaveLength(1);
  expect(took[0]).toBeGreaterThan(0);
  expect(took[0]).toBeLessThan((performance.now() - before) / 1000);
});

test.each(['repair', 'rebuild'] as const)(
  'an output of the wallet that a %s puts back is noted as one, and is no payment',
  async (kind) => {
    const database = await copyBooks();
    const { pool } = database;
    const gone = await pool.query<{ reference: string }>(`
      delete from wallet_outputs where spent_by is null and block_height is not null
      returning tx_hash || '#' || output_index as reference`);
    expect(gone.rowCount).toBeGreaterThan(0);
    const params = kind === 'repair' ? { addresses: null } : { from: 'origin', dryRun: false };
    const id = await requestJob(pool, { ...ALL, kind, params });
    const worker = openLeader(database);
    expect(await followed(pool, id).finally(worker.stop)).toMatchObject({ state: 'done' });
    const { rows } = await pool.query(
      "select distinct entity_type as type from audit_log where action = 'output.corrected'",
    );
    expect(rows).toEqual([{ type: 'wallet_output' }]);
  },
);
