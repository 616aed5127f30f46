import { describe, expect, test } from 'vitest';
import { anAddress, backfillsInTests, newChain, pay, spend } from '../../test/support/backfills.js';
import { takeOver } from '../../test/support/books-by-hand.js';

const { pool, query, register } = backfillsInTests();
const WALLET = anAddress();
const OTHER = anAddress();

const outputs = (address = WALLET) =>
  query<{ reference: string; height: number | null; countedFrom: number | null }>(
    `select tx_hash || '#' || output_index as reference, block_height::int as height,
            counted_from::int as "countedFrom", spent_by as "spentBy"
       from wallet_outputs where address = '${address}' order by amount_lovelace`,
  );

describe('what the hot wallet held', () => {
  test('counts from the question, and after a rollback from the next one', async () => {
    const chain = newChain();
    pay(chain, WALLET);
    const books = await takeOver(pool(), chain, { hotWallet: WALLET });
    const first = chain.mine();
    await books.catchUp();
    expect(await books.between()).toEqual({ found: 1 });
    expect(await outputs()).toMatchObject([{ height: null, countedFrom: first.height }]);
    chain.rollBack(1);
    await books.catchUp();
    expect(await outputs()).toMatchObject([{ height: null, countedFrom: null }]);
    chain.mine();
    const second = chain.mine();
    await books.catchUp();
    await books.between();
    expect(await outputs()).toMatchObject([{ height: null, countedFrom: second.height }]);
  });

  test('is asked in two steps where blocks come in between', async () => {
    const chain = newChain();
    const { reference } = pay(chain, WALLET, 10n);
    const kept = pay(chain, WALLET, 20n);
    const books = await takeOver(pool(), chain, { hotWallet: WALLET });
    chain.mine();
    await books.catchUp();
    const outcome = await books.between(async () => {
      spend(chain, reference);
      pay(chain, WALLET, 30n);
      await books.catchUp();
    });
    expect(outcome).toBe('moved');
    expect(await books.between()).toEqual({ found: 1 });
    expect(await outputs()).toMatchObject([
      { reference: kept.reference, height: null },
      { countedFrom: null },
    ]);
    expect(books.asked.map(({ how }) => how)).toEqual(['asked by address', 'asked by reference']);
  });

  test('is asked for again where another one was it meanwhile, though nobody could tell of that one', async () => {
    const chain = newChain();
    const books = await takeOver(pool(), chain, { hotWallet: WALLET });
    const before = pay(chain, WALLET, 10n);
    await books.catchUp();
    await books.between();
    const other = await takeOver(pool(), chain, { hotWallet: OTHER });
    pay(chain, OTHER, 15n);
    const meanwhile = pay(chain, WALLET, 20n);
    await other.catchUp();
    await expect(other.between(() => Promise.reject(new Error('no answer')))).rejects.toThrow();
    const again = await takeOver(pool(), chain, { hotWallet: WALLET });
    const { height } = chain.mine();
    await again.catchUp();
    expect(await again.between()).toEqual({ found: 2 });
    expect(await outputs()).toMatchObject([
      { reference: before.reference, height: before.height, countedFrom: null },
      { reference: meanwhile.reference, height: null, countedFrom: height },
    ]);
    // What that one got in followed blocks is its own, and stays.
    expect(await outputs(OTHER)).toHaveLength(1);
    expect(await query('select address from wallet_backfills')).toEqual([{ address: WALLET }]);
  });

  test('is no payment of a user who had registered its address', async () => {
    const chain = newChain();
    pay(chain, WALLET);
    await register([WALLET], { backfill: true });
    const books = await takeOver(pool(), chain, { hotWallet: WALLET });
    chain.mine();
    await books.catchUp();
    expect(await books.between()).toEqual({ found: 1 });
    expect(await outputs()).toHaveLength(1);
    expect(await query('select 1 from incoming_payments')).toEqual([]);
    expect(await books.between()).toBe('nothing_to_do');
  });
});

describe('books of a version without the digest', () => {
  test('aren’t taken for such where the digest was taken away', async () => {
    const chain = newChain();
    const books = await takeOver(pool(), chain, { hotWallet: WALLET });
    pay(chain, WALLET);
    await books.catchUp();
    await query('delete from state_digests');
    const next = await takeOver(pool(), chain, { hotWallet: WALLET });
    chain.mine();
    await next.catchUp();
    expect(await query('select 1 from state_digests')).toEqual([]);
    // Put right for the check that every test ends with.
    await query('update sync_state set digested = false');
    const later = await takeOver(pool(), chain, { hotWallet: WALLET });
    chain.mine();
    await later.catchUp();
  });

  test('aren’t taken for such where they have it, whatever is said of them', async () => {
    const chain = newChain();
    const books = await takeOver(pool(), chain, { hotWallet: WALLET });
    pay(chain, WALLET);
    await books.catchUp();
    const digests = () =>
      query('select height, facts_sum, digest from state_digests order by height');
    const before = await digests();
    await query('update sync_state set digested = false');
    await query('update wallet_outputs set amount_lovelace = amount_lovelace + 1');
    const next = await takeOver(pool(), chain, { hotWallet: WALLET });
    chain.mine();
    await next.catchUp();
    expect(before).toHaveLength(1);
    expect(await digests()).toEqual(before);
    expect(await query('select digested from sync_state')).toEqual([{ digested: true }]);
    // Put right for the check that every test ends with.
    await query('update wallet_outputs set amount_lovelace = amount_lovelace - 1');
  });

  test('get it with the first block, and nothing is added before', async () => {
    const chain = newChain();
    const books = await takeOver(pool(), chain, { hotWallet: WALLET });
    await register([OTHER]);
    pay(chain, WALLET);
    pay(chain, OTHER);
    await books.catchUp();
    await query('delete from state_digests');
    await query('update sync_state set digested = false');
    await query('update payment_addresses set watched_from = null');
    const upgraded = await takeOver(pool(), chain, { hotWallet: WALLET });
    expect(await upgraded.between()).toBe('nothing_to_do');
    expect(await query('select 1 from state_digests')).toEqual([]);
    chain.mine();
    await upgraded.catchUp();
    expect(await query('select 1 from state_digests')).toHaveLength(2);
    expect(await upgraded.between()).toEqual({ found: 1 });
  });
});
