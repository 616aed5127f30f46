import { describe, expect, test } from 'vitest';
import { anAddress, backfillsInTests, newChain, pay } from '../../../test/support/backfills.js';
import { type ByHand, takeOver } from '../../../test/support/books-by-hand.js';
import { inTransaction } from '../../database/transaction.js';
import type { DevnetChain } from '../../devnet/chain.js';
import { readBeginnings } from '../compare/beginning-queries.js';
import { correctBeginnings, restoreBeginnings } from './heal-beginnings.js';

const { pool, query, register, addresses } = backfillsInTests();
const ANN = anAddress();
const BEN = anAddress();
const REGISTERED_AT = 5;

async function registered(chain: DevnetChain): Promise<ByHand> {
  const books = await takeOver(pool(), chain);
  let { height } = chain.mine();
  while (height < REGISTERED_AT) ({ height } = chain.mine());
  await books.catchUp();
  await register([ANN]);
  chain.mine();
  await books.catchUp();
  await books.between();
  expect((await addresses()).at(-1)).toEqual({
    backfilled: REGISTERED_AT + 1,
    from: REGISTERED_AT,
  });
  return books;
}

const restore = (asked: (readonly string[])[] = []): Promise<number> =>
  restoreBeginnings(pool(), 0, null, (some) => {
    asked.push(some);
    const by = { partitionId: 0, actor: 'test', cause: 'a test' };
    return inTransaction(pool(), (tx) => correctBeginnings(tx, new Date(), by, some));
  });

describe('where a leader of the version before rolled back, which tells nobody', () => {
  const forgetTold = () =>
    query("delete from audit_log where action = 'addresses.watched_from_lowered'");

  test('an address counts from no higher than its past was asked for', async () => {
    const chain = newChain();
    const books = await registered(chain);
    chain.rollBack(4);
    chain.mine();
    await books.catchUp();
    await books.between();
    await forgetTold();
    await restore();
    expect(await addresses()).toEqual([{ backfilled: 3, from: 3 }]);
    expect(await readBeginnings(pool(), 0, null)).toEqual([]);
  });

  test('an address counts from below what it was paid since', async () => {
    const chain = newChain();
    const books = await registered(chain);
    chain.rollBack(4);
    expect(pay(chain, ANN).height).toBe(3);
    for (let block = 0; block < 4; block += 1) chain.mine();
    await books.catchUp();
    await books.between();
    await forgetTold();
    expect(await readBeginnings(pool(), 0, null)).toEqual([]);
    expect(await restore()).toBe(0);
    expect(await addresses()).toEqual([{ backfilled: 7, from: 2 }]);
  });
});

describe('where another hand says of an address that it', () => {
  test.each([
    ['counts from further back', 'watched_from = 1'],
    ['counts from where nobody asked for its past', 'watched_from = 1, backfilled_height = 3'],
    ['counts from where others were asked for', 'watched_from = 1, backfilled_height = 2'],
  ])('%s, it counts again from its registration', async (_, change) => {
    const chain = newChain();
    const books = await takeOver(pool(), chain);
    await books.catchUp();
    await register([BEN]);
    chain.mine();
    expect(chain.mine().height).toBe(2);
    await books.catchUp();
    await books.between();
    await registered(chain);
    await query(`update payment_addresses set ${change} where address = '${ANN}'`);
    expect(await restore()).toBe(1);
    expect(await addresses()).toMatchObject([{ backfilled: 2 }, { from: REGISTERED_AT }]);
  });
});

test('while the chain waits only those are looked at that were found wrong', async () => {
  await registered(newChain());
  await register([BEN]);
  await query(`update payment_addresses set watched_from = 1 where address = '${BEN}'`);
  const asked: (readonly string[])[] = [];
  expect(await restore(asked)).toBe(1);
  expect(asked).toEqual([[BEN]]);
});
