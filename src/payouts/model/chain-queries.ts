import type { Queryable } from '../../database/transaction.js';

/**
 * An expression over `sync_state s`: the slot of the block that many below the cursor. Where it isn't kept any
 * more, as after a rollback right after headers were pruned, that of the next one below it: what is bounded by
 * that slot is as deep, and deeper.
 */
export const slotBelow = (blocks: string): string => `
  coalesce(
    (select b.slot from blocks b
      where b.partition_id = s.partition_id and b.height <= s.last_block_height - ${blocks}
        and not b.boundary
      order by b.height desc limit 1),
    (select c.slot from block_checkpoints c
      where c.partition_id = s.partition_id and c.height <= s.last_block_height - ${blocks}
      order by c.height desc limit 1))`;

const HEADERS = `
  select s.last_slot::float8 as slot, s.last_block_height::float8 as height,
         ${slotBelow('$2::bigint')}::float8 as "deepSlot"
    from sync_state s where s.partition_id = $1`;

export type Books = {
  readonly slot: number;
  readonly height: number;
  /** Slot of a block k below, or deeper; null where the chain that was followed is shorter. */
  readonly deepSlot: number | null;
};

/** Where the books are; null before there is a block. */
export async function readBooks(
  db: Queryable,
  partitionId: number,
  securityParameter: number,
): Promise<Books | null> {
  type Row = { slot: number | null; height: number | null; deepSlot: number | null };
  const { rows } = await db.query<Row>(HEADERS, [partitionId, securityParameter]);
  const [row] = rows;
  if (row === undefined || row.slot === null || row.height === null) return null;
  return { slot: row.slot, height: row.height, deepSlot: row.deepSlot };
}
