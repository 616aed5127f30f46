import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { createTestDatabase } from '../../test/support/database.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import { parseNetwork } from '../chain/network.js';
import { inTransaction } from '../database/transaction.js';
import { type RegistrationDeps, registerAddresses } from './registration.js';
import { takeRegistrationLock } from './registration-lock.js';
import type { RegistrationRequest } from './registration-request.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.pool.query('truncate payment_addresses, audit_log cascade');
});

const preprod = parseNetwork('preprod');
if (preprod === undefined) throw new Error('preprod is a network');

const HOT_WALLET = enterpriseAddress(999_999);
const deps: RegistrationDeps = {
  network: preprod,
  partitionId: 0,
  hotWalletAddress: HOT_WALLET,
  actor: 'test',
};
const register = (...requests: RegistrationRequest[]) =>
  registerAddresses(database.pool, requests, deps);
const outcomes = async (...requests: RegistrationRequest[]): Promise<string[]> =>
  (await register(...requests)).map((result) => result.outcome);
const countOf = async (table: 'payment_addresses' | 'audit_log'): Promise<number> => {
  const { rows } = await database.pool.query<{ n: number }>(
    `select count(*)::int as n from ${table}`,
  );
  return rows[0]?.n ?? -1;
};

describe('the past of an address', () => {
  const address = enterpriseAddress(1);
  const asked = async () =>
    (
      await database.pool.query<{ backfill: boolean }>(
        'select backfill from payment_addresses order by watch_id',
      )
    ).rows.map(({ backfill }) => backfill);
  const recordIgnored = () =>
    database.pool.query(
      `insert into incoming_payments
         (tx_hash, output_index, address, user_id, amount_lovelace, status, counted_from)
       values (repeat('a', 64), 0, $1, 'ann', 5000000, 'ignored', 7)`,
      [address],
    );

  test('is asked for with the registration, or later with the very same one', async () => {
    expect(await outcomes({ address, userId: 'ann' })).toEqual(['created']);
    expect(await asked()).toEqual([false]);
    expect(await outcomes({ address, userId: 'ann', backfill: true })).toEqual(['exists']);
    expect(await asked()).toEqual([true]);
    expect(await outcomes({ address, userId: 'ann' })).toEqual(['exists']);
    expect(await asked()).toEqual([true]);
    expect(await countOf('audit_log')).toBe(2);
  });

  test.each([
    { userId: 'bob' },
    { userId: 'ann', referenceId: '8' },
    { userId: 'ann', metadata: { a: 1 } },
  ])('is not asked for by a registration that conflicts: %j', async (other) => {
    await register({ address, userId: 'ann' });
    expect(await outcomes({ address, ...other, backfill: true })).toEqual(['conflict']);
    expect(await asked()).toEqual([false]);
    expect(await countOf('audit_log')).toBe(1);
  });

  test('can’t be credited any more once it was recorded as ignored', async () => {
    await register({ address, userId: 'ann' });
    await recordIgnored();
    const [result] = await register({ address, userId: 'ann', backfill: true });
    expect(result).toMatchObject({ outcome: 'conflict' });
    expect(result?.detail).toContain('recorded as ignored');
    expect(await asked()).toEqual([false]);
    expect(await outcomes({ address, userId: 'ann' })).toEqual(['exists']);
  });

  test('is asked for once in a batch that names it with and without', async () => {
    const request = { address, userId: 'ann' };
    const results = await outcomes(request, { ...request, backfill: true }, request);
    expect(results).toEqual(['created', 'exists', 'exists']);
    expect(await asked()).toEqual([true]);
  });

  test('begins at the cursor, or before everything where nothing is followed yet', async () => {
    const from = async () =>
      (
        await database.pool.query<{ at: number }>(
          'select watched_from::int as at from payment_addresses order by watch_id',
        )
      ).rows.map(({ at }) => at);
    await register({ address, userId: 'ann' });
    await database.pool.query(
      `insert into sync_state (partition_id, total_partitions, network, started, last_slot,
                               last_block_hash, last_block_height)
       values (0, 1, 'preprod', true, 840, repeat('b', 64), 42)`,
    );
    await register({ address: enterpriseAddress(2), userId: 'ann' });
    expect(await from()).toEqual([-1, 42]);
    await database.pool.query('truncate sync_state cascade');
  });

  test('begins where the block that was waited for left the cursor', async () => {
    await database.pool.query(
      `insert into sync_state (partition_id, total_partitions, network, started, last_slot,
                               last_block_hash, last_block_height)
       values (0, 1, 'preprod', true, 840, repeat('b', 64), 42)`,
    );
    let registered: Promise<unknown> | undefined;
    await inTransaction(database.pool, async (tx) => {
      await tx.query('update sync_state set last_block_height = 43');
      await takeRegistrationLock(tx, 0);
      registered = register({ address, userId: 'ann' });
      await new Promise((resolve) => setTimeout(resolve, 150));
    });
    await registered;
    const { rows } = await database.pool.query(
      'select watched_from::int as at from payment_addresses',
    );
    expect(rows).toEqual([{ at: 43 }]);
    await database.pool.query('truncate sync_state cascade');
  });
});
