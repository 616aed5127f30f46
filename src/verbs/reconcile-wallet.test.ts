import { beforeEach, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { tellerInTests } from '../../test/support/teller.js';

const { under, teller } = tellerInTests();
const [WALLET, OTHER, USERS] = [enterpriseAddress(7), enterpriseAddress(8), enterpriseAddress(1)];
const NOTED = `insert into wallet_backfills (partition_id, address, slot, block_hash, block_height, found)
               values ($1, $2, 20, repeat('a', 64), 1, 0)`;
const note = (partitionId: number, address: string) =>
  under.database.pool.query(NOTED, [partitionId, address]);

/** The wallet alone is noted, with a block: whoever isn't refused for its settings is told so, with 1. */
const NO_CURSOR = 'there is no cursor, and blocks up to 1 are in the books';
const reconcile = (wallet: string | null, ...words: string[]) =>
  withWallet(wallet, 'reconcile', ...words);
const withWallet = (wallet: string | null, ...words: string[]) =>
  teller(words, {
    environment: {
      ...under.environment,
      NETWORK: 'custom:42',
      OGMIOS_URL: 'ws://127.0.0.1:1',
      ...(wallet === null ? {} : { HOT_WALLET_ADDRESS: wallet }),
    },
  });

beforeEach(() => under.database.pool.query('truncate wallet_backfills'));

describe('where the database knows a hot wallet', () => {
  beforeEach(() => note(0, WALLET));

  test.each([
    { what: 'a comparison', words: [] },
    { what: 'going on with one', words: ['--resume'] },
    { what: 'a repair', words: ['--repair'] },
    { what: 'a repair of some addresses', words: ['--repair', '--address', USERS] },
  ])('$what without it is refused', async ({ words }) => {
    const unset = await reconcile(null, ...words);
    expect(unset).toMatchObject({ exitCode: 2, out: '' });
    expect(unset.err).toContain(`HOT_WALLET_ADDRESS: not set, wanted ${WALLET}`);
    const other = await reconcile(OTHER, ...words);
    expect(other).toMatchObject({ exitCode: 2, out: '' });
    expect(other.err).toContain(`HOT_WALLET_ADDRESS: given ${OTHER}, wanted ${WALLET}`);
    const { rows } = await under.database.pool.query('select 1 from reconciliation_runs');
    expect(rows).toEqual([]);
  });

  test('so is a rebuild, which may have to lead', async () => {
    const { rows } = await under.database.pool.query('select 1 from chain_jobs');
    const unset = await withWallet(null, 'rebuild', '--from', 'origin', '--dry-run');
    expect(unset).toMatchObject({ exitCode: 2, out: '' });
    expect(unset.err).toContain(`HOT_WALLET_ADDRESS: not set, wanted ${WALLET}`);
    expect((await under.database.pool.query('select 1 from chain_jobs')).rows).toEqual(rows);
  });

  test('a comparison with it, or of some addresses, is not', async () => {
    const whole = await reconcile(WALLET);
    expect(whole.exitCode).toBe(1);
    expect(whole.err).toContain(NO_CURSOR);
    await under.database.pool.query(
      `insert into payment_addresses (address, partition_id, user_id) values ($1, 0, 'ann')`,
      [USERS],
    );
    const some = await reconcile(null, '--address', USERS);
    expect(some.exitCode).toBe(1);
    expect(some.err).toContain(NO_CURSOR);
  });
});

test('what another partition or no database knows is not asked for', async () => {
  await note(1, WALLET);
  expect(await reconcile(null)).toMatchObject({ exitCode: 1 });
  expect(await reconcile(OTHER)).toMatchObject({ exitCode: 1 });
});
