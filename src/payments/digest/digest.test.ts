import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { emptyTables } from '../../../test/support/follow.js';
import { inTransaction, type Queryable } from '../../database/transaction.js';
import { checkDigest, STRETCHES_MAX } from './check-digest.js';
import {
  addToDigest,
  appendDigests,
  type BlockSum,
  deleteDigestsAbove,
  readDigest,
  storedSumsAt,
} from './digest-queries.js';
import { addFacts, type Fact, FIRST_DIGEST, NO_FACTS } from './facts.js';
import { recompute, recomputeAt, rewriteDigests } from './recompute.js';

const database = await createTestDatabase();
afterAll(() => database.drop());
beforeEach(() => emptyTables(database.pool));

const hash = (n: number): string => n.toString(16).padStart(64, '0');
const spendOf = (n: number): Fact => ({
  type: 'spend',
  txHash: hash(n),
  outputIndex: 0,
  spentBy: hash(n + 1),
});
const query = (text: string, values: unknown[] = []) => database.pool.query(text, values);
const inTx = <T>(work: Parameters<typeof inTransaction<T>>[1]) =>
  inTransaction(database.pool, work);
const check = (upTo?: number) => checkDigest(database.pool, 0, upTo);

/** Payments at heights 10, 20, 30 …, each spent five blocks on, and wallet outputs one block on. */
const fill = (many: number) =>
  query(
    `with addresses as (
       insert into payment_addresses (address, partition_id, user_id) values ('a', 0, 'ann')
       on conflict do nothing
     ), wallet as (
       insert into wallet_outputs
         (tx_hash, output_index, partition_id, address, amount_lovelace, counted_from)
       select encode(sha256(('w' || n)::bytea), 'hex'), 0, 0, 'w', n, n * 10 + 1
         from generate_series(1, $1::int) n
     )
     insert into incoming_payments
       (tx_hash, output_index, address, user_id, amount_lovelace, assets, status,
        block_hash, block_height, slot, spent_by, spent_height)
     select encode(sha256(n::text::bytea), 'hex'), n % 5, 'a', 'ann', n,
            case when n % 3 = 0 then jsonb_build_object(repeat('ab', 28), n::text) else '{}' end,
            'confirmed', encode(sha256(('b' || n)::bytea), 'hex'), n * 10, n * 200,
            encode(sha256(('s' || n)::bytea), 'hex'), n * 10 + 5
       from generate_series(1, $1::int) n`,
    [many],
  );

describe('the stored digest', () => {
  test('is the first one until there are facts', async () => {
    expect(await readDigest(database.pool, 0)).toEqual({ height: -1, digest: FIRST_DIGEST });
    await inTx((tx) => appendDigests(tx, 0, [{ height: 4, facts: [] }]));
    expect(await readDigest(database.pool, 0)).toEqual({ height: -1, digest: FIRST_DIGEST });
    expect(await check()).toMatchObject({ height: -1, blocks: 0, firstDifference: null });
  });

  test('is read as of a height, and is the one before where a block has no facts', async () => {
    await inTx((tx) =>
      appendDigests(tx, 0, [
        { height: 4, facts: [spendOf(1)] },
        { height: 9, facts: [spendOf(2)] },
      ]),
    );
    const first = await readDigest(database.pool, 0, 8);
    expect(first.height).toBe(4);
    expect(await readDigest(database.pool, 0, 4)).toEqual(first);
    expect((await readDigest(database.pool, 0)).height).toBe(9);
    await inTx((tx) => deleteDigestsAbove(tx, 0, 4));
    expect(await readDigest(database.pool, 0)).toEqual(first);
  });

  test('is the same whether a block’s facts come at once or one after the other', async () => {
    const facts = [spendOf(1), spendOf(2), spendOf(3)];
    await inTx((tx) => appendDigests(tx, 0, [{ height: 4, facts: [spendOf(9)] }]));
    await inTx((tx) => appendDigests(tx, 0, [{ height: 5, facts }]));
    const atOnce = await readDigest(database.pool, 0);
    await inTx((tx) => deleteDigestsAbove(tx, 0, 4));
    for (const fact of [...facts].reverse()) await inTx((tx) => addToDigest(tx, 0, 5, [fact]));
    expect(await readDigest(database.pool, 0)).toEqual(atOnce);
    await inTx((tx) => addToDigest(tx, 0, 5, [spendOf(4)]));
    expect(await readDigest(database.pool, 0)).not.toEqual(atOnce);
  });
});

/** A row of either table, as `facts.ts` sees it. */
type Row = {
  tx_hash: string;
  output_index: number;
  address: string;
  amount_lovelace: string;
  assets: Record<string, string>;
  block_hash: string | null;
  slot: string | null;
  height: string;
  spent_by: string | null;
  spent_height: string | null;
};

function factsOf(row: Row): [height: number, fact: Fact][] {
  const place = { txHash: row.tx_hash, outputIndex: row.output_index };
  const block = row.block_hash === null ? null : { hash: row.block_hash, slot: Number(row.slot) };
  const assets = new Map(Object.entries(row.assets).map(([unit, n]) => [unit, BigInt(n)]));
  const { address, spent_by: spentBy } = row;
  const lovelace = BigInt(row.amount_lovelace);
  const output: Fact = { type: 'output', ...place, address, lovelace, assets, block };
  const made: [number, Fact] = [Number(row.height), output];
  if (spentBy === null) return [made];
  return [made, [Number(row.spent_height), { type: 'spend', ...place, spentBy }]];
}

test('what the database adds up is what blocks are folded into', async () => {
  await fill(40);
  // Spent in a block that made something; told of by a ledger, of several assets, beyond 2^63, with and without a name, at an address of other letters.
  await query(
    `update wallet_outputs set address = 'ü💰 ' || address, amount_lovelace = 2::numeric ^ 63 + amount_lovelace,
            assets = jsonb_build_object(repeat('c', 56), '1', repeat('b', 56) || 'ff', (2::numeric ^ 64)::text,
                                        repeat('b', 56), '3', repeat('0a', 28), '4'),
            spent_by = repeat('e', 64), spent_height = 330
      where counted_from % 20 = 1`,
  );
  await query(
    `update incoming_payments set counted_from = 1, block_height = null, block_hash = null, slot = null
      where block_height between 100 and 200`,
  );
  const { rows } = await database.pool.query<Row>(
    `select tx_hash, output_index, address, amount_lovelace, assets, block_hash, slot, spent_by, spent_height,
            coalesce(block_height, counted_from) as height from incoming_payments
     union all
     select tx_hash, output_index, address, amount_lovelace, assets, block_hash, slot, spent_by, spent_height,
            coalesce(block_height, counted_from) from wallet_outputs`,
  );
  const expected = new Map<number, ReturnType<typeof addFacts>>();
  for (const [height, fact] of rows.flatMap(factsOf)) {
    expected.set(height, addFacts(expected.get(height) ?? NO_FACTS, [fact]));
  }
  const made: BlockSum[] = [];
  for await (const sum of recompute(database.pool, 0, { above: -1, upTo: 10_000 })) made.push(sum);
  expect(made).toEqual(
    [...expected].sort(([a], [b]) => a - b).map(([height, sum]) => ({ height, ...sum })),
  );
  expect(made.length).toBeGreaterThan(90);
  // Single blocks are added up like all of them; of one that brought nothing nothing is told.
  const heights = made.map(({ height }) => height);
  expect(await recomputeAt(database.pool, 0, [...heights, 9_999])).toEqual(expected);
  const [one = 0, , other = 0] = heights;
  const some = await recomputeAt(database.pool, 0, [other, one]);
  expect(some).toEqual(new Map([one, other].map((height) => [height, expected.get(height)])));
  await inTx((tx) => rewriteDigests(tx, 0, 0));
  expect(await storedSumsAt(database.pool, 0, [other, one, 9_999])).toEqual(some);
});

describe('held against the live tables', () => {
  beforeEach(async () => {
    await fill(60);
    await inTx((tx) => rewriteDigests(tx, 0, 0));
  });

  test('it is the same where it was made from them, as a whole and up to a height', async () => {
    const whole = await check();
    expect(whole).toMatchObject({ height: 605, blocks: 180, firstDifference: null, differing: [] });
    expect(whole.stored).toBe(whole.recomputed);
    expect(whole.stored).toBe((await readDigest(database.pool, 0)).digest);
    expect(await check(300)).toMatchObject({ height: 300, blocks: 88, firstDifference: null });
  });

  test('sound tables are read once, and only what differs is looked for block by block', async () => {
    const readings = async (): Promise<number> => {
      const asked: string[] = [];
      const db: Queryable = {
        query: (text, values) => {
          asked.push(text);
          return database.pool.query(text, values);
        },
      };
      await checkDigest(db, 0);
      return asked.filter((text) => text.includes('from incoming_payments')).length;
    };
    expect(await readings()).toBe(1);
    await query('update incoming_payments set amount_lovelace = 1 where block_height = 200');
    expect(await readings()).toBeGreaterThan(1);
  });

  test.each([
    [
      'an edited amount',
      `update incoming_payments set amount_lovelace = 1 where block_height = 200`,
    ],
    [
      'an edited quantity',
      `update incoming_payments set assets = '{}' where block_height = 210`,
      210,
    ],
    ['another address', `update wallet_outputs set address = 'x' where counted_from = 201`, 201],
    ['a deleted row', `delete from incoming_payments where block_height = 200`],
    [
      'a row that was rolled back by hand',
      `update incoming_payments set status = 'rolled_back' where block_height = 200`,
    ],
    [
      'an undone spend',
      `update incoming_payments set spent_by = null, spent_height = null where block_height = 200`,
      205,
    ],
    [
      'another spender',
      `update incoming_payments set spent_by = repeat('0', 64) where block_height = 200`,
      205,
    ],
    [
      'another block',
      `update incoming_payments set block_hash = repeat('0', 64) where block_height = 200`,
    ],
    ['another slot', `update incoming_payments set slot = 1 where block_height = 200`],
    [
      'another height',
      `update incoming_payments set block_height = 199 where block_height = 200`,
      199,
    ],
    [
      'two outputs, each in the other one’s block',
      `update wallet_outputs set counted_from = 412 - counted_from where counted_from in (201, 211)`,
      201,
    ],
    ['an edited digest', `update state_digests set digest = repeat('0', 64) where height = 200`],
    ['a deleted digest', `delete from state_digests where height = 200`],
    ['an edited sum', `update state_digests set facts_sum = repeat('0', 64) where height = 200`],
  ])('%s shows, and where', async (_, tamper, height = 200) => {
    const before = await check(height - 1);
    await query(tamper);
    const after = await check();
    expect(after.firstDifference).toEqual({ height });
    expect(after.differing[0]?.upTo).toBeGreaterThanOrEqual(height);
    expect(after.differing[0]?.above).toBeLessThan(height);
    expect(await check(height - 1)).toEqual(before);
    expect(await inTx((tx) => rewriteDigests(tx, 0, 199))).toBeGreaterThan(0);
    expect(await check()).toMatchObject({ firstDifference: null });
    expect(await inTx((tx) => rewriteDigests(tx, 0, 199))).toBe(0);
  });

  test.each([
    ['above all blocks', 9_000_000_000_000_000_000n],
    ['between two blocks', 201n],
  ])('a digest that was made up %s is taken away, and that is told', async (_, height) => {
    await query('delete from wallet_outputs');
    await inTx((tx) => rewriteDigests(tx, 0, 0));
    await query(`insert into state_digests (partition_id, height, facts, facts_sum, digest)
      values (0, ${height}, 1, repeat('0', 64), repeat('0', 64))`);
    expect(await inTx((tx) => rewriteDigests(tx, 0, 0))).toBeGreaterThan(0);
    const { rows } = await database.pool.query('select 1 from state_digests where height = $1', [
      height,
    ]);
    expect(rows).toEqual([]);
  });

  test('what differs is told as stretches, of which there are not too many', async () => {
    await query('update incoming_payments set slot = 1 where block_height in (200, 400)');
    expect((await check()).differing).toEqual([
      { above: 195, upTo: 200 },
      { above: 395, upTo: 400 },
    ]);
    await fill(0);
    await query('delete from state_digests');
    expect((await check()).differing).toEqual([{ above: -1, upTo: 605 }]);
    await emptyTables(database.pool);
    await fill(3 * STRETCHES_MAX);
    await inTx((tx) => rewriteDigests(tx, 0, 0));
    await query('update incoming_payments set slot = 1');
    const { differing } = await check();
    expect(differing).toHaveLength(STRETCHES_MAX);
    expect(differing.at(-1)?.upTo).toBe(3 * STRETCHES_MAX * 10);
  });
});
