import type { Pool } from 'pg';
import { expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { devnet } from '../../../test/support/devnet.js';
import { ADA } from '../../../test/support/follow.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { startWorker, untilFollowed } from '../../../test/support/rebuilding.js';
import { ANN, depsOf, FULL, reconcileFully, register } from '../../../test/support/reconciling.js';
import { isClean, readResult } from '../../verbs/rebuild-words.js';
import { reconcile } from '../runs/reconcile.js';
import { verifyBooks } from '../verify/verify-books.js';
import { followJob } from './follow-job.js';
import { type JobKind, requestJob } from './job-queries.js';

/** Needs three confirmations. */
const AMOUNT = 800n * ADA;
const [ADDRESS = ''] = ANN;

async function world() {
  const database = await createTestDatabase();
  const net = await devnet({ seed: 9, blocks: 3, random: false });
  const { pool } = database;
  await register(pool, 'ann', ANN, true);
  const leading = [provingJobs(net)];
  const worker = startWorker(database, net, { hotWallet: net.chain.faucet, leading });
  const mine = async (blocks: number): Promise<void> => {
    for (let block = 0; block < blocks; block += 1) net.mine();
    await untilFollowed(pool, net);
  };
  const ask = async (kind: JobKind, params: Record<string, unknown>) => {
    const id = await requestJob(pool, { partitionId: 0, kind, params, requestedBy: 'test' });
    return followJob(pool, id, () => undefined, AbortSignal.timeout(30_000));
  };
  net.payNow({ address: ADDRESS, lovelace: AMOUNT });
  await untilFollowed(pool, net);
  const close = async (): Promise<void> => {
    await worker.stop();
    await database.drop();
  };
  return { net, pool, mine, ask, close };
}

/** All that a block does that confirms, but what it tells. */
async function confirmByHand(pool: Pool): Promise<void> {
  const forged = await pool.query(`
    insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
    select user_id, 'lovelace', bucket, type, amount_lovelace, 'payment_confirmed', tx_hash, output_index, inclusion
      from incoming_payments, (values ('pending', 'debit'), ('available', 'credit')) as leg (bucket, type)`);
  expect(forged.rowCount).toBe(2);
  await pool.query('update user_balances set available = pending, pending = 0');
  await pool.query("update incoming_payments set status = 'confirmed', confirmed_at = now()");
}

type Standing = { status: string; available: string; pending: string };

const paymentIn = async (pool: Pool): Promise<Standing[]> =>
  (
    await pool.query<Standing>(`
      select status, available::text, pending::text from incoming_payments
        join user_balances using (user_id)`)
  ).rows;
const PENDING = [{ status: 'pending', available: '0', pending: `${AMOUNT}` }];
const CONFIRMED = [{ status: 'confirmed', available: `${AMOUNT}`, pending: '0' }];

const toldIn = async (pool: Pool): Promise<string[]> =>
  (
    await pool.query<{ told: string }>(
      `select type || ' ' || split_part(event_key, ':', 3) as told from outbox
        where type like 'payment.%' order by id`,
    )
  ).rows.map(({ told }) => told);

const EARLY = [{ type: 'status_mismatch', unexplained: null, recorded: { status: 'confirmed' } }];

test.each<[JobKind, Record<string, unknown>]>([
  ['repair', { addresses: null }],
  ['repair', { addresses: [ADDRESS] }],
  ['rebuild', { from: 'origin', dryRun: false }],
])(
  'a payment that another hand confirmed too early is told of, and a %s of %j makes it wait',
  { timeout: 60_000 },
  async (kind, params) => {
    const { net, pool, mine, ask, close } = await world();
    await confirmByHand(pool);
    expect((await reconcileFully(pool, net)).findings).toMatchObject(EARLY);
    const scope = { addresses: [ADDRESS] };
    expect((await reconcile(depsOf(pool, net), { ...FULL, scope })).findings).toMatchObject(EARLY);
    const dryRun = readResult(await ask('rebuild', { from: 'origin', dryRun: true }));
    expect(dryRun).toMatchObject({ ledgerDifferences: { payments: 1 } });
    expect(dryRun !== null && isClean(dryRun)).toBe(false);
    expect(await verifyBooks(pool)).toMatchObject({
      earlyConfirmations: {
        count: 1,
        shown: [{ userId: 'ann', requiredConfirmations: 3, confirmations: 1 }],
      },
      totalMismatches: 1,
    });

    expect(await ask(kind, params)).toMatchObject({ state: 'done', result: { open: 0, left: [] } });
    expect(await paymentIn(pool)).toEqual(PENDING);
    expect(await verifyBooks(pool)).toMatchObject({ totalMismatches: 0 });
    expect((await reconcileFully(pool, net)).findings).toEqual([]);
    const { rows } = await pool.query(
      `select details -> 'before' ->> 'status' as before, details -> 'after' ->> 'status' as after
         from audit_log where action in ('output.corrected', 'payment.corrected')`,
    );
    expect(rows).toEqual([{ before: 'confirmed', after: 'pending' }]);

    await mine(1);
    expect(await paymentIn(pool)).toEqual(PENDING);
    await mine(1);
    expect(await paymentIn(pool)).toEqual(CONFIRMED);
    expect(await toldIn(pool)).toEqual([
      'payment.detected 1',
      'payment.rolled_back 1',
      'payment.detected 2',
      'payment.confirmed 2',
    ]);
    expect(await verifyBooks(pool)).toMatchObject({ totalMismatches: 0 });
    await close();
  },
);

test('one that a block confirmed stays so where a rollback makes it less deep', async () => {
  const { net, pool, mine, ask, close } = await world();
  await mine(2);
  expect(await paymentIn(pool)).toEqual(CONFIRMED);
  net.fork(2, { blocks: 1 });
  await untilFollowed(pool, net);
  expect(await verifyBooks(pool)).toMatchObject({ totalMismatches: 0 });
  expect((await reconcileFully(pool, net)).findings).toEqual([]);
  await ask('repair', { addresses: null });
  await ask('rebuild', { from: 'origin', dryRun: false });
  expect(await paymentIn(pool)).toEqual(CONFIRMED);
  expect(await toldIn(pool)).toEqual(['payment.detected 1', 'payment.confirmed 1']);
  await close();
});
