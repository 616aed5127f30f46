import { afterAll, afterEach, beforeEach, expect } from 'vitest';
import { parseNetwork } from '../../src/chain/network.js';
import { makeAddress } from '../../src/devnet/address.js';
import { createChain, type DevnetChain } from '../../src/devnet/chain.js';
import { createRandom } from '../../src/devnet/random.js';
import { verifyBalances } from '../../src/payments/balance-reads.js';
import { checkDigest } from '../../src/payments/digest/check-digest.js';
import { registerAddresses } from '../../src/payments/registration.js';
import { createTestDatabase } from './database.js';
import { ADA, emptyTables } from './follow.js';
import type { TestDatabase } from './test-databases.js';

const random = createRandom('addresses');
export const anAddress = (): string => makeAddress('base', 42, random.bytes(28), random.bytes(28));
const SOMEBODY = anAddress();

const network = parseNetwork('custom:42');
if (network === undefined) throw new Error('custom:42 is a network');
const deps = { network, partitionId: 0, hotWalletAddress: null, actor: 'test' };

export const newChain = (): DevnetChain => {
  const chain = createChain({ seed: 5, networkMagic: 42 });
  chain.mine();
  return chain;
};

export const pay = (chain: DevnetChain, address: string, ada = 10n) => {
  const block = chain.mine([{ pay: [{ address, lovelace: ada * ADA }] }]);
  return { height: block.height, reference: `${block.transactions[0]?.id ?? ''}#0` };
};

export const spend = (chain: DevnetChain, reference: string) => {
  const to = { address: SOMEBODY, lovelace: 2n * ADA };
  const block = chain.mine([{ spend: [reference], pay: [to] }]);
  return { height: block.height, id: block.transactions[0]?.id ?? '' };
};

/** The last blocks are lost; what they held comes back in the next one or never. */
export const fork = (chain: DevnetChain, depth: number, comeBack = true): void => {
  chain.rollBack(depth);
  chain.mine(comeBack ? chain.orphans() : []);
  for (let i = 0; i < depth; i += 1) chain.mine();
};

/** A database, and what stands in it; after each test digest and balances must be what the rest makes them. */
export function backfillsInTests() {
  let database: TestDatabase | undefined;
  const under = () => {
    if (database === undefined) throw new Error('only within a test');
    return database;
  };
  beforeEach(async () => {
    database ??= await createTestDatabase();
    await emptyTables(database.pool);
  });
  afterEach(async () => {
    expect(await checkDigest(under().pool, 0)).toMatchObject({ firstDifference: null });
    expect(await verifyBalances(under().pool)).toMatchObject({ mismatches: [] });
  });
  afterAll(() => database?.drop());

  const query = async <R extends object>(text: string): Promise<R[]> =>
    (await under().pool.query<R>(text)).rows;
  return {
    pool: () => under().pool,
    url: () => under().url,
    query,
    register: async (
      addresses: readonly string[],
      more: { readonly backfill?: boolean; readonly userId?: string } = {},
    ): Promise<void> => {
      const requests = addresses.map((address) => ({ address, userId: 'ann', ...more }));
      for (const { outcome } of await registerAddresses(under().pool, requests, deps)) {
        expect(['created', 'exists']).toContain(outcome);
      }
    },
    payments: () =>
      query(`select tx_hash || '#' || output_index as reference, status, inclusion,
                    block_height::int as height, counted_from::int as "countedFrom",
                    spent_by as "spentBy", required_confirmations as required
               from incoming_payments order by amount_lovelace`),
    events: async () =>
      (await query<{ type: string }>('select type from outbox order by id')).map(
        ({ type }) => type,
      ),
    balance: async () =>
      (
        await query<{ pending: string; available: string }>(
          `select pending::text, available::text from user_balances where unit = 'lovelace'`,
        )
      )[0],
    addresses: () =>
      query<{ backfilled: number | null; from: number | null }>(
        `select backfilled_height::int as backfilled, watched_from::int as from
           from payment_addresses order by watch_id`,
      ),
  };
}
