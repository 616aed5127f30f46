import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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

describe('one request', () => {
  test('is created, and exists when it comes again', async () => {
    const request = {
      address: enterpriseAddress(1),
      userId: 'ann',
      referenceType: 'order',
      referenceId: '7',
    };
    expect(await register(request)).toEqual([
      { address: enterpriseAddress(1), outcome: 'created' },
    ]);
    expect(await register(request)).toEqual([{ address: enterpriseAddress(1), outcome: 'exists' }]);
    expect(await countOf('audit_log')).toBe(1);
  });

  test('in upper case is the same address', async () => {
    await register({ address: enterpriseAddress(1), userId: 'ann' });
    expect(await register({ address: enterpriseAddress(1).toUpperCase(), userId: 'ann' })).toEqual([
      { address: enterpriseAddress(1), outcome: 'exists' },
    ]);
  });

  test.each([
    ['another user', { userId: 'bob' }, 'for another user'],
    ['another reference', { userId: 'ann', referenceId: '8' }, 'with another reference'],
    ['other metadata', { userId: 'ann', metadata: { a: 1 } }, 'with other metadata'],
  ])('with %s is a conflict and changes nothing', async (_, again, why) => {
    await register({ address: enterpriseAddress(1), userId: 'ann' });
    const [result] = await register({ address: enterpriseAddress(1), ...again });
    expect(result).toMatchObject({ outcome: 'conflict' });
    expect(result?.detail).toContain(why);
    expect(result?.detail).not.toContain('ann');
  });

  test('has the same metadata whatever the order of its keys', async () => {
    const metadata = { b: [1, { d: 2, c: null }], a: 'ä"\\u0000' };
    await register({ address: enterpriseAddress(1), userId: 'ann', metadata });
    const turned = { a: 'ä"\\u0000', b: [1, { c: null, d: 2 }] };
    expect(
      await outcomes({ address: enterpriseAddress(1), userId: 'ann', metadata: turned }),
    ).toEqual(['exists']);
    const { rows } = await database.pool.query('select metadata from payment_addresses');
    expect(rows).toEqual([{ metadata }]);
  });

  test('for the hot wallet is refused', async () => {
    const [result] = await register({ address: HOT_WALLET, userId: 'ann' });
    expect(result).toMatchObject({ outcome: 'invalid' });
    expect(result?.detail).toContain('is the hot wallet');
  });

  test.each([
    [
      'noted',
      `insert into wallet_backfills (partition_id, address, slot, block_hash, block_height, found)
       values (0, $1, 1, repeat('b', 64), 1, 0)`,
    ],
    [
      'paid',
      `insert into wallet_outputs (tx_hash, output_index, partition_id, address, amount_lovelace)
       values (repeat('a', 64), 0, 0, $1, 1)`,
    ],
  ])(
    'for what the database knows as the hot wallet, %s, is refused by a process that doesn’t',
    async (_, known) => {
      const wallet = enterpriseAddress(31);
      await database.pool.query(
        `insert into sync_state (partition_id, total_partitions, network, started, last_slot, last_block_hash,
                                 last_block_height)
         values (0, 1, 'preprod', true, 1, repeat('b', 64), 1)`,
      );
      await register({ address: enterpriseAddress(32), userId: 'ann' });
      await database.pool.query(known, [wallet]);
      await database.pool.query(known.replace("'a'", "'c'"), [enterpriseAddress(32)]);
      const results = await registerAddresses(
        database.pool,
        [
          { address: wallet, userId: 'ann' },
          { address: enterpriseAddress(32), userId: 'ann' },
          { address: enterpriseAddress(33), userId: 'ann' },
        ],
        { ...deps, hotWalletAddress: null },
      );
      // What is registered stays: a comparison tells of it.
      expect(results.map(({ outcome }) => outcome)).toEqual(['invalid', 'exists', 'created']);
      expect(results[0]?.detail).toContain('a former one must be emptied first');
      expect(await countOf('payment_addresses')).toBe(2);
      await database.pool.query('truncate wallet_backfills, wallet_outputs, sync_state cascade');
    },
  );

  test.each<[string, Partial<RegistrationRequest>, string]>([
    [
      'an address of mainnet',
      { address: 'addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8' },
      'mainnet',
    ],
    ['no user', { userId: '' }, 'userId is empty'],
    ['a user of spaces', { userId: ' ann' }, 'spaces'],
    ['a NUL in its user', { userId: 'a\u0000b' }, 'NUL'],
    ['half a character in its user', { userId: 'a\ud800' }, 'surrogate'],
    ['a long user', { userId: 'a'.repeat(201) }, 'longer than 200'],
    ['a NUL in its reference', { referenceId: '\u0000x' }, 'NUL'],
    ['a NUL in its metadata', { metadata: { a: ['\u0000'] } }, 'NUL'],
    ['a NUL in a key of its metadata', { metadata: { '\u0000': 1 } }, 'NUL'],
    ['half a character in its metadata', { metadata: { a: '\udfff' } }, 'surrogate'],
    ['a rounded number in its metadata', { metadata: { a: 2 ** 60 } }, '2^53'],
    ['too much metadata', { metadata: { a: 'x'.repeat(9000) } }, 'longer than'],
    [
      'bottomless metadata',
      { metadata: { a: JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`) as unknown } },
      'nested too deeply',
    ],
  ])('with %s is invalid, and the rest of the batch is registered', async (_, wrong, why) => {
    const results = await register(
      { address: enterpriseAddress(1), userId: 'ann', ...wrong },
      { address: enterpriseAddress(2), userId: 'bob' },
    );
    expect(results.map((result) => result.outcome)).toEqual(['invalid', 'created']);
    expect(results[0]?.detail).toContain(why);
  });
});

describe('a database of another network', () => {
  const follow = (network: string) =>
    database.pool.query(
      'insert into sync_state (partition_id, total_partitions, network) values (0, 1, $1)',
      [network],
    );
  afterEach(() => database.pool.query('truncate sync_state cascade'));

  test('takes no address, whatever is asked', async () => {
    await register({ address: enterpriseAddress(1), userId: 'ann' });
    await follow('preview');
    const results = await register(
      { address: enterpriseAddress(1), userId: 'ann' },
      { address: 'nonsense', userId: 'ann' },
      { address: enterpriseAddress(2), userId: 'ann' },
    );
    expect(results.map((result) => result.outcome)).toEqual(['invalid', 'invalid', 'invalid']);
    expect(results[2]?.detail).toBe('this database follows NETWORK=preview, not preprod');
    expect(await countOf('payment_addresses')).toBe(1);
  });

  test('is found out also where its first leader comes while a registration waits', async () => {
    let registered: Promise<string[]> | undefined;
    await inTransaction(database.pool, async (tx) => {
      await takeRegistrationLock(tx, 0);
      registered = outcomes({ address: enterpriseAddress(1), userId: 'ann' });
      await new Promise((resolve) => setTimeout(resolve, 150));
      await follow('preview');
    });
    expect(await registered).toEqual(['invalid']);
    expect(await countOf('payment_addresses')).toBe(0);
  });

  test('is none where its network is the same', async () => {
    await follow('preprod');
    expect(await outcomes({ address: enterpriseAddress(1), userId: 'ann' })).toEqual(['created']);
  });
});

describe('a batch', () => {
  test('answers in the order of its requests, also where they repeat each other', async () => {
    await register({ address: enterpriseAddress(1), userId: 'ann' });
    expect(
      await outcomes(
        { address: enterpriseAddress(3), userId: 'cay' },
        { address: 'nonsense', userId: 'cay' },
        { address: enterpriseAddress(1), userId: 'ann' },
        { address: enterpriseAddress(3), userId: 'cay' },
        { address: enterpriseAddress(3), userId: 'dan' },
        { address: enterpriseAddress(2), userId: 'bob' },
      ),
    ).toEqual(['created', 'invalid', 'exists', 'exists', 'conflict', 'created']);
  });

  test('may be empty, and may not be larger than 10,000', async () => {
    expect(await register()).toEqual([]);
    const tooMany = Array.from({ length: 10_001 }, () => ({
      address: enterpriseAddress(1),
      userId: 'ann',
    }));
    await expect(register(...tooMany)).rejects.toThrow('at most 10000');
  });

  test('of 10,000 is one transaction', async () => {
    const many = Array.from({ length: 10_000 }, (_, seed) => ({
      address: enterpriseAddress(seed),
      userId: 'ann',
    }));
    const results = await registerAddresses(database.pool, many, deps);
    expect(results.every((result) => result.outcome === 'created')).toBe(true);
    const { rows } = await database.pool.query(
      'select count(distinct xmin::text)::int as n from payment_addresses',
    );
    expect(rows).toEqual([{ n: 1 }]);
    expect(await countOf('audit_log')).toBe(10_000);
  });
});

describe('at the same time', () => {
  test('one of several users gets an address, and the others are told', async () => {
    const users = Array.from({ length: 8 }, (_, index) => `user-${index}`);
    for (let seed = 0; seed < 10; seed += 1) {
      const results = await Promise.all(
        users.map((userId) => outcomes({ address: enterpriseAddress(seed), userId })),
      );
      expect(results.flat().filter((outcome) => outcome === 'created')).toHaveLength(1);
      expect(results.flat().filter((outcome) => outcome === 'conflict')).toHaveLength(7);
    }
  });

  test('batches that overlap in opposite orders all succeed', async () => {
    // Large enough that the statements overlap in time: without one order for all, they deadlock.
    const requests = Array.from({ length: 4000 }, (_, seed) => ({
      address: enterpriseAddress(seed),
      userId: 'ann',
    }));
    const batches = Array.from({ length: 6 }, (_, index) =>
      index % 2 === 0 ? requests : requests.toReversed(),
    );
    const results = await Promise.all(
      batches.map((batch) => registerAddresses(database.pool, batch, deps)),
    );
    const created = results.flat().filter((result) => result.outcome === 'created');
    expect(created).toHaveLength(4000);
    expect(results.flat().filter((result) => result.outcome === 'exists')).toHaveLength(20_000);
  });

  test('a registration waits for the block that is being committed', async () => {
    let registered: Promise<string[]> | undefined;
    let done = false;
    await inTransaction(database.pool, async (tx) => {
      await takeRegistrationLock(tx, 0);
      registered = outcomes({ address: enterpriseAddress(1), userId: 'ann' }).finally(() => {
        done = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(done).toBe(false);
      expect(await countOf('payment_addresses')).toBe(0);
    });
    expect(await registered).toEqual(['created']);
  });
});
