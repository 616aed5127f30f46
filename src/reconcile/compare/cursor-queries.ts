import type { Queryable } from '../../database/transaction.js';
import { type CursorEvidence, cursorProblem } from './judge-cursor.js';

/** By index, and no further than the first: there is none unless somebody changed the cursor. */
const ABOVE = `
  select d.height from state_digests d, cursor c
   where d.partition_id = $1 and d.height > coalesce(c.last_block_height, -1)
     and (exists (select from incoming_payments p
                   where p.partition_id = $1 and p.block_height = d.height and p.status <> 'rolled_back')
          or exists (select from incoming_payments p where p.partition_id = $1 and p.counted_from = d.height)
          or exists (select from incoming_payments p where p.partition_id = $1 and p.spent_height = d.height)
          or exists (select from wallet_outputs w where w.partition_id = $1 and w.block_height = d.height)
          or exists (select from wallet_outputs w where w.partition_id = $1 and w.counted_from = d.height)
          or exists (select from wallet_outputs w where w.partition_id = $1 and w.spent_height = d.height))
   order by d.height limit 1`;

// A boundary block comes after the block whose height it shares.
const EVIDENCE = `
  with cursor as (
    select last_slot, last_block_hash, last_block_height from sync_state where partition_id = $1 and started
  )
  select (select jsonb_build_object('slot', last_slot::text, 'hash', last_block_hash,
                                    'height', last_block_height::text) from cursor) as cursor,
         (select jsonb_build_object('slot', slot::text, 'hash', hash, 'height', height::text)
            from blocks where partition_id = $1 order by height desc, boundary desc limit 1) as top,
         (${ABOVE})::text as above,
         (select max(height)::text from state_digests where partition_id = $1) as digested`;

/** Whether the cursor is what the books make it, all seen at one moment. @returns what is wrong, and what to do */
export async function readCursorProblem(
  db: Queryable,
  partitionId: number,
): Promise<string | null> {
  const { rows } = await db.query<CursorEvidence>(EVIDENCE, [partitionId]);
  const [evidence] = rows;
  return evidence === undefined ? null : cursorProblem(evidence);
}

const HAS_HEADERS = 'select exists (select from blocks where partition_id = $1) as found';

/** Whether headers are kept: a database that begins at a point keeps none until the block after it. */
export const hasHeaders = async (db: Queryable, partitionId: number): Promise<boolean> =>
  (await db.query<{ found: boolean }>(HAS_HEADERS, [partitionId])).rows[0]?.found === true;
