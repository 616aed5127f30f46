import type { Queryable } from '../../database/transaction.js';
import { PROVEN_HEIGHT } from '../../sync/taking-up.js';
import { type CursorEvidence, type CursorProblem, judgeCursor } from './judge-cursor.js';

/** By index, and no further than the first: there is none unless somebody changed the cursor. */
const ABOVE = `
  select d.height from state_digests d, cursor c
   where d.partition_id = $1 and d.height > coalesce(c.proven, c.last_block_height, -1)
     and (exists (select from incoming_payments p
                   where p.partition_id = $1 and p.block_height = d.height and p.status <> 'rolled_back')
          or exists (select from incoming_payments p where p.partition_id = $1 and p.counted_from = d.height)
          or exists (select from incoming_payments p where p.partition_id = $1 and p.spent_height = d.height)
          or exists (select from wallet_outputs w where w.partition_id = $1 and w.block_height = d.height)
          or exists (select from wallet_outputs w where w.partition_id = $1 and w.counted_from = d.height)
          or exists (select from wallet_outputs w where w.partition_id = $1 and w.spent_height = d.height))
   order by d.height limit 1`;

// Read only where there is no cursor. What a restore of addresses brings was set to the time before any block. Entries
// don't name a partition: beside another one they tell nothing of this one.
const FOLLOWED = `
  select jsonb_build_object(
    'upTo', greatest(
      (select max(height) from state_digests where partition_id = $1),
      (select max(height) from blocks where partition_id = $1),
      (select max(height) from block_checkpoints where partition_id = $1),
      (select max(block_height) from incoming_payments where partition_id = $1),
      (select max(counted_from) from incoming_payments where partition_id = $1),
      (select max(spent_height) from incoming_payments where partition_id = $1),
      (select max(block_height) from wallet_outputs where partition_id = $1),
      (select max(counted_from) from wallet_outputs where partition_id = $1),
      (select max(spent_height) from wallet_outputs where partition_id = $1),
      (select max(block_height) from wallet_backfills where partition_id = $1),
      (select max(watched_from) from payment_addresses where partition_id = $1),
      (select max(backfilled_height) from payment_addresses where partition_id = $1),
      (select last_block_height from sync_state where partition_id = $1))::text,
    'hasEntries', not exists (select from sync_state where partition_id <> $1)
      and exists (select from balance_transactions where tx_hash is not null),
    'hasBegun', exists (
      select from sync_state
       where partition_id = $1 and (start_height is not null or last_block_hash is not null)))`;

// A boundary block comes after the block whose height it shares.
const EVIDENCE = `
  with cursor as (
    select last_slot, last_block_hash, last_block_height, (${PROVEN_HEIGHT}) as proven
      from sync_state where partition_id = $1 and started
  )
  select (select jsonb_build_object('slot', last_slot::text, 'hash', last_block_hash,
                                    'height', last_block_height::text) from cursor) as cursor,
         (select proven::text from cursor) as proven,
         (select jsonb_build_object('slot', slot::text, 'hash', hash, 'height', height::text)
            from blocks where partition_id = $1 order by height desc, boundary desc limit 1) as top,
         (${ABOVE})::text as above,
         case when not exists (select from cursor) then (${FOLLOWED}) end as followed`;

/** Whether the cursor is what the books make it, all seen at one moment. @returns what is wrong */
export async function readCursorProblem(
  db: Queryable,
  partitionId: number,
): Promise<CursorProblem | null> {
  const { rows } = await db.query<CursorEvidence>(EVIDENCE, [partitionId]);
  const [evidence] = rows;
  return evidence === undefined ? null : judgeCursor(evidence);
}

const PARTITIONS = 'select partition_id as id from sync_state order by 1';

/** Of each partition whose cursor contradicts its books. */
export async function readCursorProblems(db: Queryable): Promise<CursorProblem[]> {
  const { rows } = await db.query<{ id: number }>(PARTITIONS);
  const problems: CursorProblem[] = [];
  for (const { id } of rows) {
    const problem = await readCursorProblem(db, id);
    if (problem !== null) problems.push(problem);
  }
  return problems;
}

const HAS_HEADERS = 'select exists (select from blocks where partition_id = $1) as found';

/** Whether headers are kept: a database that begins at a point keeps none until the block after it. */
export const hasHeaders = async (db: Queryable, partitionId: number): Promise<boolean> =>
  (await db.query<{ found: boolean }>(HAS_HEADERS, [partitionId])).rows[0]?.found === true;
