import type { Queryable } from '../../database/transaction.js';
import { type StrayRows, showSharedWallet, showStray, showUnreached } from './disputes.js';

const LAID_OUT_FOR = 'select total_partitions as n from sync_state where partition_id = $1';
// Each of the tables has an index that begins with the partition.
const STRAYS = `
  select what, count(*)::int as count, array_agg(distinct partition_id order by partition_id) as partitions
    from (select 'addresses' as what, partition_id from payment_addresses
           where partition_id < 0 or partition_id >= $1
          union all
          select 'payments', partition_id from incoming_payments
           where partition_id < 0 or partition_id >= $1
          union all
          select 'outputs of the hot wallet', partition_id from wallet_outputs
           where partition_id < 0 or partition_id >= $1) as stray
   group by what order by what`;

/** Rows in partitions that this database doesn't have, in words. */
export async function readStrays(db: Queryable, partitionId: number): Promise<string[]> {
  const { rows } = await db.query<{ n: number }>(LAID_OUT_FOR, [partitionId]);
  const laidOutFor = rows[0]?.n;
  if (laidOutFor === undefined) return [];
  const strays = await db.query<Omit<StrayRows, 'laidOutFor'>>(STRAYS, [laidOutFor]);
  return strays.rows.map((row) => showStray({ ...row, laidOutFor }));
}

// Each of both has an index; what a block or a rollback changes, it changes together with the cursor.
const UNREACHED = `
  select count(*)::int as count, min(u.address) as first,
         (select coalesce(last_block_height, -1) from sync_state where partition_id = $1)::int as height
    from (select a.address from payment_addresses a
           where a.partition_id = $1 and ($2::text[] is null or a.address = any($2))
             and a.watched_from > (select coalesce(last_block_height, -1) from sync_state
                                    where partition_id = $1)
          union
          select a.address from payment_addresses a
           where a.partition_id = $1 and ($2::text[] is null or a.address = any($2))
             and a.backfilled_height > (select coalesce(last_block_height, -1) from sync_state
                                         where partition_id = $1)) as u`;

/**
 * Addresses that are watched, or were asked for their past, from a height on that no block has yet, in words.
 *
 * @param addresses those to look at; null for all
 */
export async function readUnreached(
  db: Queryable,
  partitionId: number,
  addresses: readonly string[] | null,
): Promise<string[]> {
  type Row = { count: number; first: string | null; height: number | null };
  const { rows } = await db.query<Row>(UNREACHED, [partitionId, addresses]);
  return rows.flatMap(({ count, first, height }) =>
    first === null || height === null
      ? []
      : [showUnreached({ count, first, cursorHeight: height })],
  );
}

const REGISTERED_FOR = 'select user_id as "userId" from payment_addresses where address = $1';

/** The hot wallet where it is among the addresses of users, in words. */
export async function readSharedWallet(db: Queryable, hotWallet: string): Promise<string[]> {
  const { rows } = await db.query<{ userId: string }>(REGISTERED_FOR, [hotWallet]);
  return rows.map(({ userId }) => showSharedWallet(hotWallet, userId));
}
