import { expect, test } from 'vitest';
import { anAddress, backfillsInTests, newChain, pay } from '../../test/support/backfills.js';
import { takeOver } from '../../test/support/books-by-hand.js';

const { pool, query, register, payments, addresses } = backfillsInTests();
const BOB = anAddress();
const OTHERS = Array.from({ length: 5 }, anAddress);

/** Bob's past was credited, and another hand took the row out and lets it be asked for again. */
async function contradicted() {
  const chain = newChain();
  const { reference } = pay(chain, BOB);
  for (const other of OTHERS) pay(chain, other);
  const books = await takeOver(pool(), chain);
  await register([BOB], { backfill: true });
  chain.mine();
  await books.catchUp();
  expect(await books.between()).toEqual({ found: 1 });
  await query(`create table kept as select * from incoming_payments`);
  await query('delete from incoming_payments');
  await query('update payment_addresses set backfilled_height = null');
  await register(OTHERS, { backfill: true });
  const putBack = async () => {
    await query('insert into incoming_payments select * from kept');
    await query('drop table kept');
  };
  return { chain, reference, putBack };
}

const waiting = async () =>
  (await addresses()).filter(({ backfilled }) => backfilled === null).length;

test('one address at which another hand changed the books keeps no other from its past', async () => {
  const { chain, reference, putBack } = await contradicted();
  const books = await takeOver(pool(), chain);
  chain.mine();
  await books.catchUp();
  expect(await books.between()).toEqual({
    found: OTHERS.length,
    contradicted: {
      addresses: 1,
      news: [
        expect.stringMatching(
          `the past of address ${BOB}: .* payment ${reference} .* is booked already`,
        ) as string,
      ],
    },
  });
  expect(await payments()).toHaveLength(OTHERS.length);
  expect(await waiting()).toBe(1);

  // It is asked for again later, and told of no more.
  for (let block = 0; block < 19; block += 1) {
    chain.mine();
    await books.catchUp();
    expect(await books.between()).toBe('nothing_to_do');
  }
  chain.mine();
  await books.catchUp();
  expect(await books.between()).toEqual({ found: 0 });

  await putBack();
  for (let block = 0; block < 20; block += 1) chain.mine();
  await books.catchUp();
  expect(await books.between()).toEqual({ found: 0, contradicted: { addresses: 0, news: [] } });
  expect(await waiting()).toBe(0);
});
