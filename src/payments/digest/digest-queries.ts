import type { Queryable, Tx } from '../../database/transaction.js';
import {
  addFacts,
  type Fact,
  type FactsSum,
  FIRST_DIGEST,
  linkDigest,
  NO_FACTS,
  parseSum,
  showSum,
} from './facts.js';

/** What a block adds to the digest. */
export type BlockFacts = { readonly height: number; readonly facts: readonly Fact[] };

/** The same, summed up. */
export type BlockSum = FactsSum & { readonly height: number };

export type DigestAt = { readonly height: number; readonly digest: string };
export type DigestRow = BlockSum & DigestAt;

/** The height that a digest without any facts has: that of the origin. */
export const NO_HEIGHT = -1;

const LAST_UP_TO = `
  select height, digest from state_digests
   where partition_id = $1 and height <= $2 order by height desc limit 1`;
const HEIGHT_MAX = Number.MAX_SAFE_INTEGER;

/** The digest right after the block at a height, or at the last one; of the last block with facts. */
export async function readDigest(
  db: Queryable,
  partitionId: number,
  height: number = HEIGHT_MAX,
): Promise<DigestAt> {
  const { rows } = await db.query<{ height: string; digest: string }>(LAST_UP_TO, [
    partitionId,
    height,
  ]);
  const [row] = rows;
  return row === undefined
    ? { height: NO_HEIGHT, digest: FIRST_DIGEST }
    : { height: Number(row.height), digest: row.digest };
}

/** Folds what blocks brought into the digest: ascending heights, each above all that are folded already. */
export async function appendDigests(
  tx: Tx,
  partitionId: number,
  blocks: readonly BlockFacts[],
): Promise<void> {
  const sums = blocks.map(({ height, facts }) => ({ height, ...addFacts(NO_FACTS, facts) }));
  await appendSums(tx, partitionId, sums);
}

// Above the cursor there are no rows unless somebody else wrote them: those are replaced, so that a
// tampered digest never stops the chain.
const STORE = `
  insert into state_digests (partition_id, height, facts, facts_sum, digest)
  select $1, * from unnest($2::bigint[], $3::int[], $4::text[], $5::text[])
  on conflict (partition_id, height) do update
     set facts = excluded.facts, facts_sum = excluded.facts_sum, digest = excluded.digest
   where (state_digests.facts, state_digests.facts_sum, state_digests.digest)
           is distinct from (excluded.facts, excluded.facts_sum, excluded.digest)`;

/**
 * @param sums ascending by height
 * @returns how many of them weren't stored like this already
 */
export async function appendSums(
  tx: Tx,
  partitionId: number,
  sums: readonly BlockSum[],
): Promise<number> {
  const withFacts = sums.filter(({ facts }) => facts > 0);
  const [first] = withFacts;
  if (first === undefined) return 0;
  let { digest } = await readDigest(tx, partitionId, first.height - 1);
  const digests = withFacts.map((sum) => {
    digest = linkDigest(digest, sum.height, sum);
    return digest;
  });
  const { rowCount } = await tx.query(STORE, [
    partitionId,
    withFacts.map(({ height }) => height),
    withFacts.map(({ facts }) => facts),
    withFacts.map(({ sum }) => showSum(sum)),
    digests,
  ]);
  return rowCount ?? 0;
}

const SUM_AT = `
  select facts, facts_sum from state_digests where partition_id = $1 and height = $2`;

/** Adds facts to those of the block at the cursor's height: the digest has none above. */
export async function addToDigest(
  tx: Tx,
  partitionId: number,
  height: number,
  facts: readonly Fact[],
): Promise<void> {
  if (facts.length === 0) return;
  const { rows } = await tx.query<{ facts: number; facts_sum: string }>(SUM_AT, [
    partitionId,
    height,
  ]);
  const [row] = rows;
  const before = row === undefined ? NO_FACTS : { facts: row.facts, sum: parseSum(row.facts_sum) };
  await appendSums(tx, partitionId, [{ height, ...addFacts(before, facts) }]);
}

const DELETE_ABOVE = 'delete from state_digests where partition_id = $1 and height > $2';

export const deleteDigestsAbove = (tx: Tx, partitionId: number, height: number) =>
  tx.query(DELETE_ABOVE, [partitionId, height]);

const DELETE_BETWEEN = `
  delete from state_digests
   where partition_id = $1 and height > $2 and height <= $3 and not height = any($4::bigint[])`;

/** @returns how many there were beside those that are kept */
export async function deleteDigestsBetween(
  tx: Tx,
  partitionId: number,
  { above, upTo }: { readonly above: number; readonly upTo: number },
  kept: readonly number[],
): Promise<number> {
  return (await tx.query(DELETE_BETWEEN, [partitionId, above, upTo, kept])).rowCount ?? 0;
}

const SUMS_AT = `
  select height, facts, facts_sum from state_digests
   where partition_id = $1 and height = any($2::bigint[])`;

/** What is stored that the blocks of these heights brought: only of those that brought anything. */
export async function storedSumsAt(
  db: Queryable,
  partitionId: number,
  heights: readonly number[],
): Promise<Map<number, FactsSum>> {
  type Row = { height: string; facts: number; facts_sum: string };
  const { rows } = await db.query<Row>(SUMS_AT, [partitionId, heights]);
  return new Map(
    rows.map(({ height, facts, facts_sum }) => [
      Number(height),
      { facts, sum: parseSum(facts_sum) },
    ]),
  );
}

const ROWS_BETWEEN = `
  select height, facts, facts_sum, digest from state_digests
   where partition_id = $1 and height > $2 and height <= $3 order by height limit $4`;
const PAGE_ROWS = 20_000;

/** The stored digest, block by block, above a height. */
export async function* storedDigests(
  db: Queryable,
  partitionId: number,
  upTo: number,
  from: number = Number.MIN_SAFE_INTEGER,
): AsyncGenerator<DigestRow, void, void> {
  let above = from;
  for (;;) {
    const { rows } = await db.query<{
      height: string;
      facts: number;
      facts_sum: string;
      digest: string;
    }>(ROWS_BETWEEN, [partitionId, above, upTo, PAGE_ROWS]);
    for (const { height, facts, facts_sum, digest } of rows) {
      above = Number(height);
      yield { height: above, facts, sum: parseSum(facts_sum), digest };
    }
    if (rows.length < PAGE_ROWS) return;
  }
}
