import type { Queryable } from '../../database/transaction.js';
import type { BlockSum } from './digest-queries.js';
import { type Fact, MODULUS } from './facts.js';

/** A fact and the block that it belongs to. */
export type PlacedFact = { readonly height: number; readonly fact: Fact };

/** Heights from which (exclusive) and up to which facts are read. */
export type Heights = { readonly above: number; readonly upTo: number };

/*
 * There are millions of facts, and one hash of each: the database makes the text of `textOf` in facts.ts, hashes
 * it and adds the hashes up block by block. Whoever changes one of the two changes both.
 */

const ASSETS_BETWEEN_SPACES = `
  case when assets = '{}' then '  '
       else ' ' || (select string_agg(asset.key || '=' || coalesce(asset.value, 'null'), ',' order by asset.key collate "C")
                      from jsonb_each_text(assets) as asset) || ' ' end`;
// By "||", which takes half the time of "concat"; each of them is felt.
const OUTPUT = `
  'output ' || tx_hash || '#' || output_index::text || ' ' || address || ' ' || amount_lovelace::text
    || ${ASSETS_BETWEEN_SPACES}`;
const IN_BLOCK = `
  case when block_hash is null then 'before' else block_hash || ' ' || coalesce(slot, 0)::text end`;
const OUTPUT_IN_BLOCK = `${OUTPUT} || ${IN_BLOCK}`;
const OUTPUT_BEFORE = `${OUTPUT} || 'before'`;
const SPEND = `
  'spend ' || tx_hash || '#' || output_index::text || ' ' || spent_by`;

/** Of a payment; of the wallet's outputs no row stays that isn't. */
const IS_LIVE = "status <> 'rolled_back'";
const IS_THERE = '(block_height is not null or counted_from is not null)';
/** Of either column alone, which another hand left, comes no fact. */
const IS_SPENT = 'spent_by is not null and spent_height is not null';

const bitsOf = (text: string): string =>
  `('x' || encode(sha256(convert_to(${text}, 'UTF8')), 'hex'))::bit(256) as bits`;
const PART_BITS = 52;
/** From one bit to another (exclusive): the first part takes what the others leave. */
const PARTS = [48, 100, 152, 204, 256].map((end) => [Math.max(0, end - PART_BITS), end] as const);
/** Hashes are added up in parts, each of which, times a weight below 2^11, fits a whole number of 64 bits. */
const partsOf = (weight: string): string =>
  `array[${PARTS.map(([begin, end]) => `sum(substring(bits from ${begin + 1} for ${end - begin})::bigint${weight})::text`).join(', ')}] as parts`;
const SUMS = `select height, count(*)::int as facts, ${partsOf('')}`;

type Table = 'incoming_payments' | 'wallet_outputs';
type Column = 'block_height' | 'counted_from' | 'spent_height';

/** Where the page after a height ends: with a whole block, however much that brought. */
const boundOf = (table: Table, height: Column): string => `
  select max(height)::text as height from (
    select ${height} as height from ${table}
     where partition_id = $1 and ${height} > $2 and ${height} <= $3
     order by ${height} limit $4) as page`;

// Without "offset 0" each of the sums would have a hash made of its own.
const sumsOf = (table: Table, height: Column, fact: string, counts: string) => `
  ${SUMS} from (
    select ${height} as height, ${bitsOf(fact)}
      from ${table}
     where partition_id = $1 and ${counts}
    offset 0) as facts
   group by height order by height`;

/** What blocks made, what ledgers told of, what blocks spent; a table of one kind of output. */
function sourcesOf(table: Table, isLive: string) {
  const source = (height: Column, fact: string, counts: string) => {
    const sums = (among: string) =>
      sumsOf(table, height, fact, `${among} and ${isLive} and ${counts}`);
    return {
      bound: boundOf(table, height),
      sums: sums(`${height} > $2 and ${height} <= $3`),
      sumsAt: sums(`${height} = any($2::bigint[])`),
    };
  };
  return [
    source('block_height', OUTPUT_IN_BLOCK, 'true'),
    source('counted_from', OUTPUT_BEFORE, 'block_height is null'),
    source('spent_height', SPEND, `${IS_THERE} and ${IS_SPENT}`),
  ];
}

const SOURCES = [
  ...sourcesOf('incoming_payments', IS_LIVE),
  ...sourcesOf('wallet_outputs', 'true'),
];
type Source = (typeof SOURCES)[number];

/** All that is folded into the digest, as the live tables have it: each source in the order of heights. */
export const factSources = (
  db: Queryable,
  partitionId: number,
  heights: Heights,
): AsyncGenerator<BlockSum[], void, void>[] =>
  SOURCES.map((source) => pages(db, source, partitionId, heights));

/** The same of single blocks: each source in the order of heights. */
export async function factsAt(
  db: Queryable,
  partitionId: number,
  heights: readonly number[],
): Promise<BlockSum[][]> {
  const sources: BlockSum[][] = [];
  for (const { sumsAt } of SOURCES) {
    sources.push((await db.query<Row>(sumsAt, [partitionId, heights])).rows.map(sumOf));
  }
  return sources;
}

/** Facts at a time, and with them the blocks that are summed up at once: some megabytes at most. */
const PAGE_FACTS = 20_000;

type Row = {
  readonly height: string;
  readonly facts: number;
  readonly parts: readonly string[];
};

async function* pages(
  db: Queryable,
  { bound, sums }: Source,
  partitionId: number,
  { above, upTo }: Heights,
): AsyncGenerator<BlockSum[], void, void> {
  let from: number | string = above;
  for (;;) {
    const to = await endOfPage(db, bound, [partitionId, from, upTo, PAGE_FACTS]);
    if (to === null) return;
    const { rows } = await db.query<Row>(sums, [partitionId, from, to]);
    // A page may hold nothing that counts.
    if (rows.length > 0) yield rows.map(sumOf);
    from = to;
  }
}

async function endOfPage(
  db: Queryable,
  bound: Source['bound'],
  values: readonly (number | string)[],
): Promise<string | null> {
  const { rows } = await db.query<{ height: string | null }>(bound, [...values]);
  return rows[0]?.height ?? null;
}

const STRETCH_BITS = 11;
const STRETCH = `(1 << ${STRETCH_BITS})`;

/** Where in its stretch a block is, from 1 on: so that sums over stretches tell what was moved within one. */
export const weightOf = (height: bigint): bigint =>
  (height & ((1n << BigInt(STRETCH_BITS)) - 1n)) + 1n;
export const stretchOf = (height: bigint): bigint => height >> BigInt(STRETCH_BITS);

/** All facts of a table in one pass, in whatever order they lie. */
const allOf = (table: Table, isLive: string): string => `
  select coalesce(block_height, counted_from) as height,
         ${OUTPUT} || case when block_height is null then 'before' else ${IN_BLOCK} end as fact
    from ${table} where partition_id = $1 and ${isLive} and ${IS_THERE}
  union all
  select spent_height, ${SPEND}
    from ${table} where partition_id = $1 and ${isLive} and ${IS_THERE} and ${IS_SPENT}`;
const WEIGHTED = `
  select (height >> ${STRETCH_BITS})::text as stretch, sum(weight)::text as facts, ${partsOf(' * weight')}
    from (
      select height, (height & (${STRETCH} - 1)) + 1 as weight, ${bitsOf('fact')}
        from (${allOf('incoming_payments', IS_LIVE)} union all ${allOf('wallet_outputs', 'true')}) as facts
       where height <= $2 offset 0) as facts
   group by 1`;

/** What the blocks of a stretch brought, each times its weight: how many facts, and the sum of their hashes. */
export type WeightedSum = { readonly facts: bigint; readonly sum: bigint };

/** The same of all stretches, by their numbers, in one pass over each table. */
export async function weightedSums(
  db: Queryable,
  partitionId: number,
  upTo: number,
): Promise<ReadonlyMap<bigint, WeightedSum>> {
  const { rows } = await db.query<{ stretch: string; facts: string; parts: readonly string[] }>(
    WEIGHTED,
    [partitionId, upTo],
  );
  return new Map(
    rows.map(({ stretch, facts, parts }) => [
      BigInt(stretch),
      { facts: BigInt(facts), sum: joined(parts) },
    ]),
  );
}

// What is no amount is folded as the text that stands there: then it isn't what the digest knows.
const sumOf = ({ height, facts, parts }: Row): BlockSum => ({
  height: Number(height),
  facts,
  sum: joined(parts),
});

const joined = (parts: readonly string[]): bigint =>
  parts.reduce((all, part) => (all << BigInt(PART_BITS)) + BigInt(part), 0n) % MODULUS;
