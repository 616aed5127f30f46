import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { ADA } from '../../../test/support/follow.js';
import { NETWORK, openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { booksOf } from '../../../test/support/rebuilding.js';
import {
  ANN,
  CAROL,
  DAVE,
  followedBooks,
  reconcileFully,
} from '../../../test/support/reconciling.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { parseNetwork } from '../../chain/network.js';
import { checkDigest } from '../../payments/digest/check-digest.js';
import { registerAddresses } from '../../payments/registration.js';
import { followJob } from './follow-job.js';
import { requestJob } from './job-queries.js';

const { net, copyBooks } = await followedBooks();

const network = parseNetwork(NETWORK);
if (network === undefined) throw new Error('no network');
const DEPS = { network, partitionId: 0, hotWalletAddress: null, actor: 'cli' };

const add = (pool: Pool, userId: string, addresses: readonly string[], backfill = false) =>
  registerAddresses(
    pool,
    addresses.map((address) => ({ address, userId, backfill })),
    DEPS,
  );

/** Books that are followed to the end of the chain and proved on request. */
async function leadOn(database: TestDatabase) {
  const { pool } = database;
  const leading = [provingJobs(net)];
  const worker = openWorker(database, net, { hotWallet: net.chain.faucet, leading });
  onTestFinished(worker.stop);
  const untilAtTip = () =>
    vi.waitFor(
      async () => {
        const { rows } = await pool.query(`
          select last_block_hash as hash from sync_state
           where not exists (select 1 from payment_addresses where backfilled_height is null)`);
        expect(rows).toEqual([{ hash: net.chain.blocks().at(-1)?.id }]);
      },
      { timeout: 20_000, interval: 20 },
    );
  const prove = async (
    kind: 'repair' | 'rebuild',
    params: Readonly<Record<string, unknown>> = KINDS[kind],
  ): Promise<unknown> => {
    const id = await requestJob(pool, { partitionId: 0, kind, params, requestedBy: 'test' });
    const job = await followJob(pool, id, () => undefined, AbortSignal.timeout(20_000));
    expect(job).toMatchObject({ state: 'done' });
    return job.result;
  };
  await untilAtTip();
  return { untilAtTip, prove, stop: worker.stop };
}

const KINDS = {
  repair: { addresses: null },
  rebuild: { from: 'origin', dryRun: false },
} as const;

const beginnings = async (pool: Pool): Promise<readonly object[]> =>
  (
    await pool.query<object>(
      `select address, user_id, reference_type, reference_id, watched_from, backfill, backfilled_height
         from payment_addresses order by address`,
    )
  ).rows;

const takeOut = (pool: Pool, userId: string) =>
  pool.query(`
    delete from incoming_payments where user_id = '${userId}';
    delete from payment_addresses where user_id = '${userId}'`);

const money = async (pool: Pool, userId: string): Promise<object | undefined> =>
  (
    await pool.query<object>(
      `select available::text, pending::text from user_balances where user_id = $1 and unit = 'lovelace'`,
      [userId],
    )
  ).rows[0];

async function expectSound(pool: Pool): Promise<void> {
  expect(await reconcileFully(pool, net)).toMatchObject({ findings: [], problem: null });
  expect(await checkDigest(pool, 0)).toMatchObject({ firstDifference: null });
}

describe.each(['repair', 'rebuild'] as const)(
  'an address that another hand took out of the books and a person put back: a %s',
  (kind) => {
    test.each([
      ['ann', ANN, false],
      ['carol, whose past counts', [CAROL], true],
      ['dave, whose past is ignored', [DAVE], false],
    ])('makes the books what they were: %s', async (name, addresses, backfill) => {
      const database = await copyBooks();
      const { pool } = database;
      const { untilAtTip, prove } = await leadOn(database);
      const [before, begun] = [await booksOf(pool), await beginnings(pool)];
      const userId = name.replace(/,.*/, '');
      await takeOut(pool, userId);
      for (const { outcome } of await add(pool, userId, addresses, backfill)) {
        expect(outcome).toBe('created');
      }
      expect(await beginnings(pool)).toEqual(begun);
      await untilAtTip();
      expect(await prove(kind)).toMatchObject({ problem: null, open: 0, left: [] });
      expect(await booksOf(pool)).toEqual(before);
      expect(await beginnings(pool)).toEqual(begun);
      await expectSound(pool);
    });
  },
);

test.each(['repair', 'rebuild'] as const)(
  'of an address that a version registered which didn’t write down from when on it counts, the payments that were told of say it: a %s',
  async (kind) => {
    const database = await copyBooks();
    const { pool } = database;
    const { untilAtTip, prove } = await leadOn(database);
    const before = await booksOf(pool);
    await pool.query(`update audit_log set details = details - 'watchedFrom'`);
    await takeOut(pool, 'ann');
    await add(pool, 'ann', ANN);
    await untilAtTip();
    expect(await prove(kind)).toMatchObject({ problem: null, open: 0, left: [] });
    expect(await booksOf(pool)).toEqual(before);
    await expectSound(pool);
  },
);

test('an address that a version put back which didn’t look where it counted from counts from there again', async () => {
  const database = await copyBooks();
  const { pool } = database;
  const { untilAtTip, prove } = await leadOn(database);
  const [before, begun] = [await money(pool, 'carol'), await beginnings(pool)];
  await takeOut(pool, 'carol');
  await pool.query(
    `with put_back as (
       insert into payment_addresses (address, partition_id, user_id, backfill, watched_from)
       select $1, 0, 'carol', false, last_block_height from sync_state returning *
     )
     insert into audit_log (action, entity_type, entity_id, actor, details)
     select 'address.registered', 'payment_address', address, 'cli',
            jsonb_build_object('userId', user_id, 'backfill', backfill, 'watchedFrom', watched_from)
       from put_back`,
    [CAROL],
  );
  net.mine();
  await untilAtTip();
  expect(await prove('rebuild')).toMatchObject({ problem: null, open: 0, left: [], beginnings: 1 });
  expect(await money(pool, 'carol')).toEqual(before);
  const asked = { backfilled_height: expect.any(String) as string };
  expect(await beginnings(pool)).toEqual(begun.map((one) => ({ ...one, ...asked })));
  await expectSound(pool);
});

test('what it was paid while it was out of the books counts, and what was there before it doesn’t', async () => {
  const EVES = enterpriseAddress(70);
  const database = await copyBooks();
  const { pool } = database;
  net.payNow({ address: EVES, lovelace: 30n * ADA });
  const { untilAtTip, prove } = await leadOn(database);
  await registerAddresses(
    pool,
    [{ address: EVES, userId: 'eve', referenceType: 'order', referenceId: '7' }],
    DEPS,
  );
  net.payNow({ address: EVES, lovelace: 50n * ADA });
  await untilAtTip();
  const begun = await beginnings(pool);
  await takeOut(pool, 'eve');
  net.payNow({ address: EVES, lovelace: 20n * ADA });
  for (let block = 0; block < 20; block += 1) net.mine();
  await untilAtTip();
  expect(await add(pool, 'eve', [EVES], true)).toMatchObject([
    { outcome: 'conflict', detail: expect.stringContaining('without backfill') as string },
  ]);
  expect(await beginnings(pool)).toEqual(begun);
  net.mine();
  await untilAtTip();
  expect(await add(pool, 'eve', [EVES], true)).toMatchObject([{ outcome: 'conflict' }]);
  await prove('repair');
  expect(await money(pool, 'eve')).toEqual({ available: '70000000', pending: '0' });
  await expectSound(pool);
});

describe('of an address that is missing, or counts from elsewhere, nobody says that the digest was changed', () => {
  const digests = async (pool: Pool): Promise<readonly string[]> =>
    (await booksOf(pool)).filter((line) => line.startsWith('digest'));

  test('and a rebuild leaves the digest until it was put back', async () => {
    const database = await copyBooks();
    const { pool } = database;
    const { untilAtTip, prove } = await leadOn(database);
    const before = await booksOf(pool);
    await takeOut(pool, 'ann');
    const { problem } = await reconcileFully(pool, net);
    expect(problem).toMatch(/the state digest differs where addresses .*`teller address add`/);
    expect(problem).not.toContain('the digest that was changed');
    expect(problem).not.toContain('teller rebuild');
    expect(JSON.stringify(await prove('rebuild'))).toMatch(/the state digest stays as it is/);
    expect(await digests(pool)).toEqual(before.filter((line) => line.startsWith('digest')));
    await add(pool, 'ann', ANN);
    await untilAtTip();
    expect(await prove('repair')).toMatchObject({ problem: null, open: 0, left: [] });
    expect(await booksOf(pool)).toEqual(before);
    await expectSound(pool);
  });

  test('where its beginning was changed', async () => {
    const { pool } = await copyBooks();
    await pool.query(`
      update payment_addresses set watched_from = (select last_block_height from sync_state) where user_id = 'ann';
      delete from incoming_payments where user_id = 'ann' and spent_by is not null`);
    const { problem } = await reconcileFully(pool, net);
    expect(problem).toMatch(/counts above block/);
    expect(problem).not.toContain('the digest that was changed');
  });
});

test('a past that was booked and has no row is put back by a rebuild, and then recorded', async () => {
  const database = await copyBooks();
  const { pool } = database;
  const { prove, stop } = await leadOn(database);
  const before = await money(pool, 'carol');
  await pool.query(`
    delete from incoming_payments where user_id = 'carol';
    update payment_addresses set backfilled_height = null where user_id = 'carol'`);
  expect(await prove('rebuild')).toMatchObject({ problem: null, open: 0, left: [], healed: 1 });
  expect(await money(pool, 'carol')).toEqual(before);
  await stop();
  // Whoever leads next asks for it, and finds it recorded.
  await leadOn(database);
  expect(await money(pool, 'carol')).toEqual(before);
  await expectSound(pool);
});

test('an address is put back for nobody else, and with no other reference', async () => {
  const { pool } = await copyBooks();
  await takeOut(pool, 'carol');
  expect(await add(pool, 'mallory', [CAROL])).toMatchObject([
    { outcome: 'conflict', detail: expect.stringContaining('for another user') as string },
  ]);
  const other = { address: CAROL, userId: 'carol', referenceId: '8' };
  expect(await registerAddresses(pool, [other], DEPS)).toMatchObject([
    { outcome: 'conflict', detail: expect.stringContaining('another reference') as string },
  ]);
  const { problem } = await reconcileFully(pool, net);
  expect(problem).toContain(`address ${CAROL} isn't in the books`);
});
