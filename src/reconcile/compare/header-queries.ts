import type { Point } from '../../chain/point.js';
import type { Queryable } from '../../database/transaction.js';
import { type BrokenLink, type HeaderGap, headerGap } from './judge-headers.js';

/** Of one kind: more are no better. */
export const PLACES_MAX = 100;

// A boundary block comes after the block whose height it shares.
const EVIDENCE = `
  with linked as (
    select hash, height, boundary, ancestor, lag(hash) over upwards as on_hash,
           lag(height) over upwards as below
      from blocks where partition_id = $1
    window upwards as (order by height, boundary)
  ), broken as (
    select hash, height, boundary, below from linked
     where on_hash is not null and ancestor is distinct from on_hash
  )
  select (select to_jsonb(l) from linked l where below is null) as lowest,
         (select to_jsonb(b) from broken b order by height desc, boundary desc limit 1) as "highestBroken",
         (select to_jsonb(b) from broken b order by height, boundary limit 1) as "lowestBroken",
         last_block_height::float8 as cursor, tip_height::float8 as tip,
         coalesce(start_height, (select min(height) from block_checkpoints c
                                  where c.partition_id = s.partition_id))::float8 as start
    from sync_state s where partition_id = $1`;

type Row = {
  lowest: BrokenLink | null;
  highestBroken: BrokenLink | null;
  lowestBroken: BrokenLink | null;
  cursor: number | null;
  tip: number | null;
  start: number | null;
};

/** What is missing among the headers that are kept; null where nothing is, or none is kept at all. */
export async function readHeaderGap(db: Queryable, partitionId: number): Promise<HeaderGap | null> {
  const [row] = (await db.query<Row>(EVIDENCE, [partitionId])).rows;
  if (row === undefined || row.lowest === null || row.cursor === null) return null;
  return headerGap({ ...row, lowest: row.lowest, cursor: row.cursor });
}

// What no node could read isn't offered; what a hand made up is known to none, and passed over.
const PLACES = `
  with told as (
    select height, slot, hash from blocks where partition_id = $1 and not boundary and height < $2
    union
    select height, slot, hash from block_checkpoints where partition_id = $1 and height < $2
    union
    (select block_height, slot, block_hash from incoming_payments
      where partition_id = $1 and block_height < $2 order by block_height desc limit ${PLACES_MAX})
    union
    (select block_height, slot, block_hash from wallet_outputs
      where partition_id = $1 and block_height < $2 order by block_height desc limit ${PLACES_MAX})
    union
    (select block_height, slot, block_hash from reconciliation_runs
      where partition_id = $1 and block_height < $2 order by id desc limit ${PLACES_MAX})
  )
  select height::float8 as height, slot::float8 as slot, hash from told
   where slot between 0 and ${Number.MAX_SAFE_INTEGER} and hash ~ '^[0-9a-f]{64}$'
   order by height desc`;

/** A block that anything in the books tells of. */
export type Place = { readonly height: number; readonly point: Point };

/** Newest first. */
export async function placesBelow(
  db: Queryable,
  partitionId: number,
  height: number,
): Promise<Place[]> {
  type Row = { height: number; slot: Point['slot']; hash: string };
  const { rows } = await db.query<Row>(PLACES, [partitionId, height]);
  return rows.map(({ slot, hash, ...rest }) => ({ ...rest, point: { slot, id: hash } }));
}
