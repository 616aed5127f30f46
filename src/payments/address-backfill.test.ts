import { describe, expect, test } from 'vitest';
import {
  anAddress,
  backfillsInTests,
  fork,
  newChain,
  pay,
  spend,
} from '../../test/support/backfills.js';
import { takeOver } from '../../test/support/books-by-hand.js';

const { pool, query, register, payments, events, balance, addresses } = backfillsInTests();
const ANN = anAddress();
const BOB = anAddress();

describe('what an address held before it was registered', () => {
  test('is recorded as ignored where nobody asked for it', async () => {
    const chain = newChain();
    const { reference } = pay(chain, ANN);
    const books = await takeOver(pool(), chain);
    await register([ANN]);
    const { height } = chain.mine();
    await books.catchUp();
    expect(await books.between()).toEqual({ found: 1 });
    expect(await payments()).toMatchObject([
      { reference, status: 'ignored', height: null, countedFrom: height },
    ]);
    expect(await events()).toEqual([]);
    expect(await balance()).toBeUndefined();
    expect(await addresses()).toMatchObject([{ backfilled: height }]);
  });

  test('is credited where it was asked for, and confirmed counted from the question', async () => {
    const chain = newChain();
    const { reference } = pay(chain, ANN);
    const books = await takeOver(pool(), chain);
    await register([ANN], { backfill: true });
    const { height } = chain.mine();
    await books.catchUp();
    await books.between();
    expect(await payments()).toMatchObject([
      { reference, status: 'pending', height: null, countedFrom: height, required: 3 },
    ]);
    expect(await balance()).toEqual({ pending: '10000000', available: '0' });
    chain.mine();
    await books.catchUp();
    expect(await payments()).toMatchObject([{ status: 'pending' }]);
    chain.mine();
    await books.catchUp();
    expect(await payments()).toMatchObject([{ status: 'confirmed', height: null }]);
    expect(await events()).toEqual(['payment.detected', 'payment.confirmed']);
    expect(await balance()).toEqual({ pending: '0', available: '10000000' });
    const [line] = await query<{ details: object }>(
      `select details from audit_log where action = 'addresses.backfilled'`,
    );
    expect(line?.details).toMatchObject({ height, addresses: 1, outputs: 1, ignored: 0 });
  });

  test('has the tier of all that a user’s addresses held together, and dust is ignored', async () => {
    const chain = newChain();
    pay(chain, ANN, 2n);
    pay(chain, ANN, 600n);
    pay(chain, BOB, 700n);
    const books = await takeOver(pool(), chain);
    await register([ANN, BOB], { backfill: true });
    chain.mine();
    await books.catchUp();
    expect(await books.between()).toEqual({ found: 3 });
    expect(await payments()).toMatchObject([
      { status: 'ignored' },
      { status: 'pending', required: 6 },
      { status: 'pending', required: 6 },
    ]);
  });

  test('is nothing where it was spent before', async () => {
    const chain = newChain();
    const { reference } = pay(chain, ANN);
    spend(chain, reference);
    const books = await takeOver(pool(), chain);
    await register([ANN], { backfill: true });
    chain.mine();
    await books.catchUp();
    expect(await books.between()).toEqual({ found: 0 });
    expect(await payments()).toEqual([]);
  });

  test('is spent by a block that follows, and unspent when that is lost', async () => {
    const chain = newChain();
    const { reference } = pay(chain, ANN);
    const books = await takeOver(pool(), chain);
    await register([ANN], { backfill: true });
    chain.mine();
    await books.catchUp();
    await books.between();
    const { id } = spend(chain, reference);
    await books.catchUp();
    expect(await payments()).toMatchObject([{ status: 'pending', spentBy: id }]);
    fork(chain, 1, false);
    await books.catchUp();
    expect(await payments()).toMatchObject([{ inclusion: 1, spentBy: null }]);
  });

  test('is left as it is where a followed block brought it', async () => {
    const chain = newChain();
    const books = await takeOver(pool(), chain);
    await register([ANN]);
    const { height } = pay(chain, ANN);
    await books.catchUp();
    expect(await books.between()).toEqual({ found: 0 });
    expect(await payments()).toMatchObject([{ status: 'pending', height, countedFrom: null }]);
  });
});

describe('while the node looks it up', () => {
  test('a block may come: only what is quick is asked again', async () => {
    const chain = newChain();
    const kept = pay(chain, ANN, 20n);
    const { reference } = pay(chain, ANN, 10n);
    const books = await takeOver(pool(), chain);
    await register([ANN], { backfill: true });
    chain.mine();
    await books.catchUp();
    // Spent while the node still looks: no block of it is on record, so it is none of our business.
    const outcome = await books.between(async () => {
      spend(chain, reference);
      await books.catchUp();
    });
    expect(outcome).toBe('moved');
    expect(await payments()).toEqual([]);
    const again = await books.between(async (moment) => {
      if (moment !== 'asked by reference') return;
      chain.mine();
      await books.catchUp();
    });
    expect(again).toBe('moved');
    expect(await books.between()).toEqual({ found: 1 });
    expect(await payments()).toMatchObject([{ reference: kept.reference, status: 'pending' }]);
    expect(books.asked.map(({ how }) => how)).toEqual([
      'asked by address',
      'asked by reference',
      'asked by reference',
    ]);
  });

  test('its block may be lost: then it is asked anew', async () => {
    const chain = newChain();
    const { reference } = pay(chain, ANN);
    const books = await takeOver(pool(), chain);
    await register([ANN], { backfill: true });
    // On this chain the output is spent, which the node is asked for; on the next one it isn't.
    spend(chain, reference);
    await books.catchUp();
    const outcome = await books.between(async () => {
      fork(chain, 1, false);
      await books.catchUp();
    });
    expect(outcome).toBe('moved');
    expect(await books.between()).toEqual({ found: 1 });
    expect(await payments()).toMatchObject([{ reference, status: 'pending' }]);
    expect(books.asked.map(({ how }) => how)).toEqual(['asked by address', 'asked by address']);
  });

  test('another instance may take over: it writes nothing, and the other one does', async () => {
    const chain = newChain();
    pay(chain, ANN);
    const books = await takeOver(pool(), chain);
    await register([ANN], { backfill: true });
    chain.mine();
    await books.catchUp();
    let successor: typeof books | undefined;
    const outcome = await books.between(async () => {
      successor = await takeOver(pool(), chain);
    });
    expect(outcome).toBe('moved');
    expect(await payments()).toEqual([]);
    expect(await successor?.between()).toEqual({ found: 1 });
    expect(await payments()).toMatchObject([{ status: 'pending' }]);
  });

  test('the past may be asked for: it is credited', async () => {
    const chain = newChain();
    pay(chain, ANN);
    const books = await takeOver(pool(), chain);
    await register([ANN]);
    chain.mine();
    await books.catchUp();
    await books.between(() => register([ANN], { backfill: true }));
    expect(await payments()).toMatchObject([{ status: 'pending' }]);
  });
});

describe('many addresses', () => {
  test('are asked for in batches, and a restart goes on with those that are left', async () => {
    const chain = newChain();
    // As they are registered: in their order.
    const many = Array.from({ length: 4_500 }, anAddress).sort();
    const last = many.at(-1) ?? '';
    pay(chain, many[0] ?? '', 10n);
    pay(chain, last, 11n);
    const books = await takeOver(pool(), chain);
    await register(many, { backfill: true });
    chain.mine();
    await books.catchUp();
    let questions = 0;
    const killed = books.between(() => {
      questions += 1;
      return questions === 2 ? Promise.reject(new Error('killed')) : Promise.resolve();
    });
    await expect(killed).rejects.toThrow('killed');
    expect(await payments()).toHaveLength(1);
    const next = await takeOver(pool(), chain);
    expect(await next.between()).toEqual({ found: 1 });
    expect(await payments()).toHaveLength(2);
    expect(books.asked.map((question) => question.many)).toEqual([2_000, 2_000]);
    expect(next.asked.map((question) => question.many)).toEqual([2_000, 500]);
  });

  test('are asked for in smaller batches where the answer doesn’t come', async () => {
    const chain = newChain();
    const books = await takeOver(pool(), chain);
    await register(Array.from({ length: 2_000 }, anAddress));
    chain.mine();
    await books.catchUp();
    const fail = () => books.between(() => Promise.reject(new Error('too much')));
    await expect(fail()).rejects.toThrow('too much');
    await expect(fail()).rejects.toThrow('too much');
    await books.between();
    expect(books.asked.map(({ many }) => many)).toEqual([2_000, 1_000, 500, 1_000, 500]);
    expect((await addresses()).filter(({ backfilled }) => backfilled === null)).toEqual([]);
  });

  test('that are all known are asked for no more, until there are new ones', async () => {
    const chain = newChain();
    const books = await takeOver(pool(), chain);
    await register([ANN]);
    chain.mine();
    await books.catchUp();
    await books.between();
    for (let i = 0; i < 3; i += 1) {
      chain.mine();
      await books.catchUp();
      expect(await books.between()).toBe('nothing_to_do');
    }
    expect(books.asked).toHaveLength(1);
    await register([BOB], { userId: 'bob' });
    chain.mine();
    await books.catchUp();
    expect(await books.between()).toEqual({ found: 0 });
    expect(books.asked).toHaveLength(2);
  });
});
