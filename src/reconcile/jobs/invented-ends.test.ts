import type { Pool } from 'pg';
import { expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { devnet } from '../../../test/support/devnet.js';
import { ADA } from '../../../test/support/follow.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { booksOf, startWorker, untilFollowed } from '../../../test/support/rebuilding.js';
import { ANN, register } from '../../../test/support/reconciling.js';
import { verifyBooks } from '../verify/verify-books.js';
import { followJob } from './follow-job.js';
import { type JobKind, requestJob } from './job-queries.js';

const AMOUNT = 7n * ADA;

/** An end of what is confirmed, as a block would have booked it, and told to nobody. */
const INVENTED = `
  insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
  select user_id, 'lovelace', 'available', 'debit', amount_lovelace, 'payment_rolled_back',
         tx_hash, output_index, inclusion
    from incoming_payments where status = 'confirmed'`;

/** What somebody owns who adds up what was told, and what the books say. */
async function owned(pool: Pool) {
  const { rows } = await pool.query<{ told: string; booked: string }>(`
    select (select sum(case type when 'payment.confirmed' then 1 else -1 end
                       * (data ->> 'amountLovelace')::numeric)::text
              from outbox where type in ('payment.confirmed', 'payment.rolled_back')) as told,
           (select sum(available)::text from user_balances) as booked`);
  return rows[0];
}

test.each<JobKind>(['repair', 'rebuild'])(
  'an end that another hand booked is told where a %s begins a new inclusion, and what is told adds up',
  { timeout: 60_000 },
  async (kind) => {
    const database = await createTestDatabase();
    const { pool } = database;
    const net = await devnet({ seed: 9, blocks: 3, random: false });
    await register(pool, 'ann', ANN, true);
    const wishes = { hotWallet: net.chain.faucet, leading: [provingJobs(net)] };
    const worker = startWorker(database, net, wishes);
    net.payNow({ address: ANN[0] ?? '', lovelace: AMOUNT });
    for (let block = 0; block < 5; block += 1) net.mine();
    await untilFollowed(pool, net);
    expect(await owned(pool)).toEqual({ told: `${AMOUNT}`, booked: `${AMOUNT}` });
    expect((await pool.query(INVENTED)).rowCount).toBe(1);

    const params = kind === 'repair' ? { addresses: null } : { from: 'origin', dryRun: false };
    const asked = { partitionId: 0, kind, params, requestedBy: 'test' };
    const id = await requestJob(pool, asked);
    const ended = await followJob(pool, id, () => undefined, AbortSignal.timeout(30_000));
    expect(ended).toMatchObject({ state: 'done' });
    expect(await owned(pool)).toEqual({ told: `${AMOUNT}`, booked: `${AMOUNT}` });
    expect(await verifyBooks(pool)).toMatchObject({ totalMismatches: 0 });
    expect(await booksOf(pool)).toContainEqual(expect.stringContaining('"inclusion": 2'));

    net.fork(7, { comeBack: 'none' });
    await untilFollowed(pool, net);
    expect(await owned(pool)).toEqual({ told: '0', booked: '0' });
    await worker.stop();
    await database.drop();
  },
);
