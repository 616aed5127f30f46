import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { ADA } from '../../../test/support/follow.js';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import {
  depsOf,
  followedBooks,
  reconcileFully,
  register,
} from '../../../test/support/reconciling.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { followJob } from '../jobs/follow-job.js';
import { requestJob } from '../jobs/job-queries.js';
import { reconcile } from './reconcile.js';

const { net, copyBooks } = await followedBooks();
const HOT_WALLET = net.chain.faucet;
const MALLORYS = enterpriseAddress(66);

const insertAddress = (pool: Pool, address: string) =>
  pool.query(
    `insert into payment_addresses (address, partition_id, user_id, watched_from, backfilled_height)
     select $1, 0, 'mallory', last_block_height, last_block_height from sync_state`,
    [address],
  );

/** Books that are followed to the end of the chain and proved on request. */
function leadOn(database: TestDatabase) {
  const { pool } = database;
  const leading = [provingJobs(net)];
  const worker = openWorker(database, net, { hotWallet: HOT_WALLET, leading });
  onTestFinished(worker.stop);
  const untilAtTip = () =>
    vi.waitFor(
      async () => {
        const { rows } = await pool.query('select last_block_hash as hash from sync_state');
        expect(rows).toEqual([{ hash: net.chain.blocks().at(-1)?.id }]);
      },
      { timeout: 20_000, interval: 20 },
    );
  const prove = async (
    kind: 'repair' | 'rebuild',
    params: Readonly<Record<string, unknown>>,
  ): Promise<unknown> => {
    const id = await requestJob(pool, { partitionId: 0, kind, params, requestedBy: 'test' });
    const job = await followJob(pool, id, () => undefined, AbortSignal.timeout(20_000));
    expect(job).toMatchObject({ state: 'done' });
    return job.result;
  };
  return { untilAtTip, prove };
}

async function moneyOf(pool: Pool, userId: string): Promise<unknown> {
  const { rows } = await pool.query<{ sum: string }>(
    `select coalesce(sum(available + held + pending), 0)::text as sum
       from user_balances where user_id = $1 and unit = 'lovelace'`,
    [userId],
  );
  return rows[0]?.sum;
}

const UNREGISTERED =
  /belongs to mallory, and the audit log has no registration of it: a person must say whose/;

describe('an address that nobody registered', () => {
  test('is told of with what it was paid, and neither repair nor rebuild books to its user', async () => {
    const database = await copyBooks();
    const { pool } = database;
    const { untilAtTip, prove } = leadOn(database);
    await untilAtTip();
    await insertAddress(pool, MALLORYS);
    const empty = await reconcileFully(pool, net);
    expect(empty.problem).toMatch(UNREGISTERED);
    expect(empty.problem).toContain('teller address settle');

    net.payNow({ address: MALLORYS, lovelace: 50n * ADA });
    await untilAtTip();
    expect(await moneyOf(pool, 'mallory')).toBe('50000000');
    const { findings, problem } = await reconcileFully(pool, net);
    expect(findings).toMatchObject([{ type: 'owner_mismatch', address: MALLORYS }]);
    expect(findings[0]?.unexplained).toMatch(UNREGISTERED);
    expect(problem).toBeNull();

    await pool.query(`
      delete from balance_transactions where user_id = 'mallory';
      delete from user_balances where user_id = 'mallory'`);
    const params = { from: 'origin', dryRun: false };
    expect(await prove('repair', { addresses: null })).toMatchObject({ open: 1 });
    expect(JSON.stringify(await prove('rebuild', params))).toMatch(UNREGISTERED);
    expect(await moneyOf(pool, 'mallory')).toBe('0');

    await pool.query("delete from incoming_payments where user_id = 'mallory'");
    expect(await prove('repair', { addresses: null })).toMatchObject({ open: 1 });
    expect(JSON.stringify(await prove('rebuild', params))).toMatch(UNREGISTERED);
    expect(await moneyOf(pool, 'mallory')).toBe('0');
  });

  test('is right once a person wrote down whose it is', async () => {
    const { pool } = await copyBooks();
    await insertAddress(pool, MALLORYS);
    await register(pool, 'mallory', [MALLORYS]);
    expect((await reconcileFully(pool, net)).problem).toMatch(UNREGISTERED);
    await pool.query(
      `insert into audit_log (action, entity_type, entity_id, actor, details)
       values ('address.registered', 'payment_address', $1, 'operator:erin', '{"userId": "mallory"}')`,
      [MALLORYS],
    );
    expect(await reconcileFully(pool, net)).toMatchObject({ findings: [], problem: null });
  });

  test('is told of where it is asked for by itself', async () => {
    const { pool } = await copyBooks();
    await insertAddress(pool, MALLORYS);
    const run = await reconcile(depsOf(pool, net), {
      scope: { addresses: [MALLORYS] },
      requestedBy: 'test',
      resume: false,
    });
    expect(run.problem).toMatch(UNREGISTERED);
  });

  test('is nothing to tell of where a backup of addresses alone brought it', async () => {
    const { pool } = await copyBooks();
    await insertAddress(pool, MALLORYS);
    const restored = (set: string) =>
      pool.query(
        `insert into audit_log (action, entity_type, entity_id, actor, details)
         values ('database.restored', 'database', 'all', 'cli', jsonb_build_object('set', $1::text))`,
        [set],
      );
    await restored('critical');
    expect((await reconcileFully(pool, net)).problem).toMatch(UNREGISTERED);
    await restored('addresses');
    expect((await reconcileFully(pool, net)).problem).toBeNull();
    await insertAddress(pool, enterpriseAddress(67));
    expect((await reconcileFully(pool, net)).problem).toMatch(UNREGISTERED);
  });
});

describe('the hot wallet among the addresses of users', () => {
  test.each([false, true])(
    'is told of, and counted once, registered or not: %s',
    async (isRegistered) => {
      const { pool } = await copyBooks();
      const sound = await reconcileFully(pool, net);
      await insertAddress(pool, HOT_WALLET);
      if (isRegistered) {
        await pool.query(
          `insert into audit_log (action, entity_type, entity_id, actor, details)
           values ('address.registered', 'payment_address', $1, 'cli', '{"userId": "mallory"}')`,
          [HOT_WALLET],
        );
      }
      const { problem, totals, matched } = await reconcileFully(pool, net);
      expect(problem).toContain(
        `address ${HOT_WALLET} is the hot wallet, and registered for mallory as well`,
      );
      expect(totals).toEqual(sound.totals);
      expect(matched).toBe(sound.matched);
    },
  );
});

test('a rebuild tells of the hot wallet among the addresses of users as well', async () => {
  const database = await copyBooks();
  await insertAddress(database.pool, HOT_WALLET);
  const { prove } = leadOn(database);
  const dry = await prove('rebuild', { from: 'origin', dryRun: true });
  expect(dry).toMatchObject({ problem: expect.stringContaining('is the hot wallet') as string });
});

const HEIGHTS_ABOVE = /watched_from or backfilled_height of .* stands above the cursor, block \d+/;

describe('from when on an address counts', () => {
  test.each([
    ['is watched', "watched_from = 1000000 where user_id = 'ann'"],
    ['was asked for its past', "backfilled_height = 1000000 where user_id = 'carol'"],
  ])('is told of where it %s above the cursor', async (_what, change) => {
    const { pool } = await copyBooks();
    await pool.query(`update payment_addresses set ${change}`);
    expect((await reconcileFully(pool, net)).problem).toMatch(HEIGHTS_ABOVE);
  });
});
