import type { Height, Point, Slot } from '../../chain/point.js';
import type { Queryable } from '../../database/transaction.js';
import type { Cursor } from '../../sync/events.js';

type PlaceRow = { slot: string; hash: string; height: string };

const cursorFrom = (row: PlaceRow): Cursor => ({
  point: { slot: Number(row.slot) as Slot, id: row.hash },
  height: Number(row.height) as Height,
});

const KEPT = `
  select slot, hash, height from (
    select slot, hash, height from blocks where partition_id = $1 and not boundary
    union select slot, hash, height from block_checkpoints where partition_id = $1) kept`;

const first = async (db: Queryable, query: string, values: unknown[]): Promise<Cursor | null> => {
  const [row] = (await db.query<PlaceRow>(query, values)).rows;
  return row === undefined ? null : cursorFrom(row);
};

/** Of the blocks that are kept, the one with that hash. */
export const placeOf = (db: Queryable, partitionId: number, hash: string) =>
  first(db, `${KEPT} where hash = $2`, [partitionId, hash]);

/** The highest one at or before a slot. */
export const placeAtOrBefore = (db: Queryable, partitionId: number, slot: number) =>
  first(db, `${KEPT} where slot <= $2 order by height desc limit 1`, [partitionId, slot]);

/** The highest one up to a height. */
export const placeUpTo = (db: Queryable, partitionId: number, height: number) =>
  first(db, `${KEPT} where height <= $2 order by height desc limit 1`, [partitionId, height]);

export const lowestPlace = (db: Queryable, partitionId: number) =>
  first(db, `${KEPT} order by height limit 1`, [partitionId]);

// Where a header that comes at its slot or later stands on one of before, no chain of ours has the block. Where another
// hand took headers away around it, nobody knows.
const GIVEN_UP = `
  select exists (
    select from blocks later join blocks earlier
        on earlier.partition_id = later.partition_id and earlier.hash = later.ancestor
     where later.partition_id = $1 and later.slot >= $2 and earlier.slot < $2)
     and not exists (select from blocks where partition_id = $1 and hash = $3)
     and not exists (select from block_checkpoints where partition_id = $1 and hash = $3) as given_up`;

/** Whether the books have left a block for another fork; false where they don't reach to it, or don't tell. */
export async function isGivenUp(
  db: Queryable,
  partitionId: number,
  point: Point,
): Promise<boolean> {
  const values = [partitionId, point.slot, point.id];
  const { rows } = await db.query<{ given_up: boolean }>(GIVEN_UP, values);
  return rows[0]?.given_up === true;
}

// What the books hold is another fork's, perhaps, where they lack the block; not where no fork goes any more.
const IS_SHARED = `
  (height <= $4 or exists (select from blocks b where b.partition_id = $1 and b.hash = $5))`;
const HEADERS = `
  select slot, hash, height from blocks
   where partition_id = $1 and not boundary and height > $2 and height < $3 and height = any($6::bigint[])
     and ${IS_SHARED}
   order by height desc`;
const CHECKPOINTS = `
  select slot, hash, height from block_checkpoints
   where partition_id = $1 and height > $2 and height < $3 and ${IS_SHARED}
   order by height desc`;

/** Below a block, on its own chain. */
export type Ancestry = {
  readonly above: number;
  readonly below: number;
  /** Up to there all chains are one. */
  readonly settled: number;
  /** Of the block, which these books may have given up for a fork. */
  readonly hash: string;
};

const valuesOf = ({ above, below, settled, hash }: Ancestry) => [above, below, settled, hash];

/** Headers of those heights, newest first. */
export const ancestorHeaders = async (
  db: Queryable,
  partitionId: number,
  ancestry: Ancestry,
  heights: readonly number[],
): Promise<Cursor[]> =>
  (await db.query<PlaceRow>(HEADERS, [partitionId, ...valuesOf(ancestry), heights])).rows.map(
    cursorFrom,
  );

/** Newest first. */
export const ancestorCheckpoints = async (
  db: Queryable,
  partitionId: number,
  ancestry: Ancestry,
): Promise<Cursor[]> =>
  (await db.query<PlaceRow>(CHECKPOINTS, [partitionId, ...valuesOf(ancestry)])).rows.map(
    cursorFrom,
  );
