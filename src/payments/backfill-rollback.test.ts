import { describe, expect, test } from 'vitest';
import {
  anAddress,
  backfillsInTests,
  fork,
  newChain,
  pay,
  spend,
} from '../../test/support/backfills.js';
import { type ByHand, takeOver } from '../../test/support/books-by-hand.js';
import type { DevnetChain } from '../devnet/chain.js';

const { pool, query, register, payments, events, balance, addresses } = backfillsInTests();
const ANN = anAddress();

/** Registered once the money was there, and three blocks on; asked for after the last of them. */
async function backfilled(
  chain: DevnetChain,
  options: { readonly backfill?: boolean } = { backfill: true },
): Promise<ByHand> {
  const books = await takeOver(pool(), chain);
  await register([ANN], options);
  for (let i = 0; i < 3; i += 1) chain.mine();
  await books.catchUp();
  await books.between();
  return books;
}

describe('a rollback below where an address was registered', () => {
  test.each([
    ['and the auditor hears to where', '', 1],
    ['also of one that another hand had set back', 'watched_from = -1', 0],
  ])('lets it count from further back, %s', async (_, change, lowered) => {
    const chain = newChain();
    for (let i = 0; i < 3; i += 1) chain.mine();
    await (await takeOver(pool(), chain)).catchUp();
    const books = await backfilled(chain);
    if (change !== '') await query(`update payment_addresses set ${change}`);
    chain.rollBack(4);
    chain.mine();
    await books.catchUp();
    const heard = await query<{ lowered: number; to: number }>(
      `select (details -> 'addresses')::int as lowered, (details -> 'height')::int as to
         from audit_log where action = 'addresses.watched_from_lowered'`,
    );
    expect(heard.map((one) => one.lowered)).toEqual([lowered]);
    expect(await addresses()).toMatchObject([{ from: heard[0]?.to }]);
  });

  test('is nothing to hear of where it was registered below', async () => {
    const chain = newChain();
    const books = await backfilled(chain);
    chain.rollBack(2);
    chain.mine();
    await books.catchUp();
    expect(
      await query("select 1 from audit_log where action = 'addresses.watched_from_lowered'"),
    ).toEqual([]);
  });
});

describe('a rollback below the ledger that was asked', () => {
  test('takes back what it told, and it is asked for again', async () => {
    const chain = newChain();
    const { reference } = pay(chain, ANN);
    const books = await backfilled(chain);
    const [before] = await addresses();
    chain.rollBack(1);
    await books.catchUp();
    expect(await payments()).toMatchObject([
      { status: 'rolled_back', countedFrom: null, height: null, inclusion: 1 },
    ]);
    expect(await balance()).toEqual({ pending: '0', available: '0' });
    expect(await addresses()).toEqual([{ ...before, backfilled: null }]);
    const { height } = chain.mine();
    await books.catchUp();
    expect(await books.between()).toEqual({ found: 1 });
    expect(await payments()).toMatchObject([
      { reference, status: 'pending', countedFrom: height, inclusion: 2 },
    ]);
    expect(await events()).toEqual(['payment.detected', 'payment.rolled_back', 'payment.detected']);
    expect(await balance()).toEqual({ pending: '10000000', available: '0' });
  });

  test('takes back what was confirmed as well, and is told to the auditor', async () => {
    const chain = newChain();
    pay(chain, ANN);
    const books = await backfilled(chain);
    for (let i = 0; i < 2; i += 1) chain.mine();
    await books.catchUp();
    expect(await balance()).toEqual({ pending: '0', available: '10000000' });
    chain.rollBack(3);
    await books.catchUp();
    expect(await balance()).toEqual({ pending: '0', available: '0' });
    expect(await query(`select 1 from audit_log where action = 'payment.reversed'`)).toHaveLength(
      1,
    );
  });

  test('gives a payment its block where a followed one brings it now', async () => {
    const chain = newChain();
    const start = await takeOver(pool(), chain);
    await start.catchUp();
    // Paid in a block that is followed, at an address that isn't watched yet.
    const { reference } = pay(chain, ANN);
    const books = await backfilled(chain);
    fork(chain, 4);
    await books.catchUp();
    const height = chain.blocks()[1]?.height;
    expect(await payments()).toMatchObject([
      { reference, status: 'confirmed', height, countedFrom: null, inclusion: 2 },
    ]);
    expect(await books.between()).toEqual({ found: 0 });
    expect(await payments()).toHaveLength(1);
  });

  test('leaves it rolled back where the new chain doesn’t have it', async () => {
    const chain = newChain();
    const start = await takeOver(pool(), chain);
    await start.catchUp();
    pay(chain, ANN);
    const books = await backfilled(chain);
    fork(chain, 4, false);
    await books.catchUp();
    expect(await books.between()).toEqual({ found: 0 });
    expect(await payments()).toMatchObject([{ status: 'rolled_back', inclusion: 1 }]);
  });

  test.each([false, true])(
    'brings it back where the new chain spends it before the node is asked again (restarted: %s)',
    async (restarted) => {
      const chain = newChain();
      const { reference } = pay(chain, ANN);
      let books = await backfilled(chain);
      chain.rollBack(1);
      await books.catchUp();
      if (restarted) books = await takeOver(pool(), chain);
      const { id, height } = spend(chain, reference);
      await books.catchUp();
      expect(await payments()).toMatchObject([
        { status: 'pending', spentBy: id, countedFrom: height, inclusion: 2 },
      ]);
      expect(await books.between()).toEqual({ found: 0 });
      chain.mine();
      chain.mine();
      await books.catchUp();
      expect(await balance()).toEqual({ pending: '0', available: '10000000' });
      // And once more from the beginning, where that block is lost as well.
      fork(chain, 3, false);
      await books.catchUp();
      expect(await books.between()).toEqual({ found: 1 });
      expect(await payments()).toMatchObject([{ status: 'pending', spentBy: null, inclusion: 3 }]);
    },
  );

  test('keeps ignored what nobody asked for, however it comes back', async () => {
    const chain = newChain();
    const { reference } = pay(chain, ANN);
    const books = await backfilled(chain, {});
    chain.rollBack(1);
    chain.mine();
    await books.catchUp();
    await books.between();
    expect(await payments()).toMatchObject([{ status: 'ignored', inclusion: 2 }]);
    chain.rollBack(1);
    await books.catchUp();
    spend(chain, reference);
    await books.catchUp();
    expect(await payments()).toMatchObject([{ status: 'ignored', inclusion: 3 }]);
    expect(await events()).toEqual([]);
    expect(await query('select 1 from balance_transactions')).toEqual([]);
  });

  test('lowers from where on an address is watched', async () => {
    const chain = newChain();
    const books = await takeOver(pool(), chain);
    for (let i = 0; i < 5; i += 1) chain.mine();
    await books.catchUp();
    const at = chain.blocks().at(-1)?.height ?? 0;
    await register([ANN]);
    expect(await addresses()).toMatchObject([{ from: at }]);
    chain.rollBack(2);
    await books.catchUp();
    expect(await addresses()).toMatchObject([{ from: at - 2 }]);
    chain.mine();
    await books.catchUp();
    expect(await addresses()).toMatchObject([{ from: at - 2 }]);
  });

  test('that ends above it changes nothing', async () => {
    const chain = newChain();
    pay(chain, ANN);
    const books = await backfilled(chain);
    const before = await payments();
    chain.mine();
    await books.catchUp();
    fork(chain, 1);
    await books.catchUp();
    expect(await payments()).toEqual([{ ...before[0], status: 'confirmed' }]);
    expect(await books.between()).toBe('nothing_to_do');
  });
});

describe('while confirmations are held', () => {
  const hold = (held: boolean) =>
    query(`insert into chain_guard (partition_id, held_at) values (0, now())
           on conflict (partition_id) do update
              set held_at = ${held ? 'now()' : 'null'}`);

  test('nothing is confirmed, and all that is deep enough with the next block after', async () => {
    const chain = newChain();
    pay(chain, ANN);
    const books = await backfilled(chain);
    await hold(true);
    pay(chain, ANN, 11n);
    for (let i = 0; i < 5; i += 1) chain.mine();
    await books.catchUp();
    expect(await payments()).toMatchObject([{ status: 'pending' }, { status: 'pending' }]);
    await hold(false);
    chain.mine();
    await books.catchUp();
    expect(await payments()).toMatchObject([{ status: 'confirmed' }, { status: 'confirmed' }]);
    expect(await balance()).toEqual({ pending: '0', available: '21000000' });
  });

  test('nothing is confirmed within a run of blocks either', async () => {
    const chain = newChain();
    const books = await takeOver(pool(), chain);
    await register([ANN]);
    await hold(true);
    pay(chain, ANN);
    for (let i = 0; i < 60; i += 1) chain.mine();
    await books.catchUp({ atOnce: true });
    expect(await payments()).toMatchObject([{ status: 'pending' }]);
  });
});
