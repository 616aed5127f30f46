import type { Queryable } from '../../database/transaction.js';

/**
 * Blocks above were followed for the row `a` of payment_addresses; null where nobody knows.
 *
 * @param partition SQL of the row's partition: a parameter is looked up once, and not for each row
 * @param whereUnknown SQL of what it goes by, first to last, where nobody wrote down from when on it is watched
 */
export const followedAbove = (partition: string, whereUnknown: readonly string[]): string => `
  greatest(coalesce(${['a.watched_from', ...whereUnknown].join(', ')}),
           (select s.start_height from sync_state s where s.partition_id = ${partition}))`;

/**
 * From which block on what the address of row `a` receives must be recorded, with its block. Registered by a version
 * that didn't write that down, it was followed for its first recorded block, and above the ledger that told of
 * what it held first; where nothing is recorded nobody knows, and nothing must be.
 *
 * @param partition SQL of the row's partition, as above
 * @param cursor SQL of the height at which the books are looked at
 */
export const countsAbove = (partition: string, cursor: string): string =>
  followedAbove(partition, [
    `(select least(min(x.block_height) - 1, min(x.counted_from)) from incoming_payments x
       where x.address = a.address and x.partition_id = a.partition_id)`,
    cursor,
  ]);

const AMONG = `
  select a.address, coalesce(${countsAbove('$1', '$3::bigint')}, -1)::float8 as above
    from payment_addresses a where a.partition_id = $1 and a.address = any($2::text[])`;

/** The height above which each block's outputs must be recorded, by address; the hot wallet isn't among them. */
export async function countedAboveAmong(
  db: Queryable,
  partitionId: number,
  addresses: readonly string[],
  cursorHeight: number,
): Promise<Map<string, number>> {
  const { rows } = await db.query<{ address: string; above: number }>(AMONG, [
    partitionId,
    addresses,
    cursorHeight,
  ]);
  return new Map(rows.map(({ address, above }) => [address, above]));
}
