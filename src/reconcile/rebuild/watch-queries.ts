import { type OutputReference, outputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';

type Reference = { readonly txHash: string; readonly index: number };
type ReferenceRow = { tx_hash: string; output_index: number };

const WALLETS = `
  select distinct address from wallet_outputs where partition_id = $1
  union select address from wallet_backfills where partition_id = $1`;

/** Addresses of the hot wallet, also of those that were it before. */
export const walletAddresses = async (db: Queryable, partitionId: number): Promise<string[]> =>
  (await db.query<{ address: string }>(WALLETS, [partitionId])).rows.map(({ address }) => address);

const after = (table: string): string => `
  select tx_hash, output_index from ${table}
   where partition_id = $1 and (tx_hash, output_index) > ($2, $3)
     and (spent_by is null or spent_height is null or spent_height > $5)
   order by tx_hash, output_index limit $4`;
const SHADOW_AFTER = `
  select tx_hash, output_index from rebuild_outputs
   where job_id = $1 and (tx_hash, output_index) > ($2, $3) and $5::bigint is not null
   order by tx_hash, output_index limit $4`;
const QUERIES = {
  payments: after('incoming_payments'),
  wallet: after('wallet_outputs'),
  shadow: SHADOW_AFTER,
} as const;

/**
 * References of what blocks above a height may spend, in pages.
 *
 * @param scope the partition; for the shadow the job
 */
export async function* spendable(
  db: Queryable,
  source: keyof typeof QUERIES,
  scope: number | string,
  height: number,
  pageRows: number,
): AsyncGenerator<readonly Reference[]> {
  let last: Reference = { txHash: '', index: -1 };
  for (;;) {
    const values = [scope, last.txHash, last.index, pageRows, height];
    const { rows } = await db.query<ReferenceRow>(QUERIES[source], values);
    const page = rows.map((row) => ({ txHash: row.tx_hash, index: row.output_index }));
    yield page;
    const end = page.at(-1);
    if (end === undefined || page.length < pageRows) return;
    last = end;
  }
}

const BACKFILLED_SINCE = `
  select tx_hash, output_index, counted_from from incoming_payments
   where partition_id = $1 and counted_from >= $2
  union all
  select tx_hash, output_index, counted_from from wallet_outputs
   where partition_id = $1 and block_height is null and counted_from >= $2`;

/** What a ledger told of, at that height or later: no block that was read made it. */
export async function backfilledSince(
  db: Queryable,
  partitionId: number,
  height: number,
): Promise<readonly { readonly reference: OutputReference; readonly countedFrom: number }[]> {
  type Row = ReferenceRow & { counted_from: string };
  const { rows } = await db.query<Row>(BACKFILLED_SINCE, [partitionId, height]);
  return rows.map((row) => ({
    reference: outputReference(row.tx_hash, row.output_index),
    countedFrom: Number(row.counted_from),
  }));
}

const NEWEST = `
  select coalesce(max(watch_id), 0)::text as newest from payment_addresses where partition_id = $1`;

const LOWEST_FROM = `
  select min(watched_from)::text as lowest from payment_addresses where partition_id = $1 and watch_id > $2`;

/** From when on the first of the addresses counts that were registered behind one of them. */
export async function lowestWatchedFrom(
  db: Queryable,
  partitionId: number,
  watchId: bigint,
): Promise<number | null> {
  const { rows } = await db.query<{ lowest: string | null }>(LOWEST_FROM, [partitionId, watchId]);
  const lowest = rows[0]?.lowest ?? null;
  return lowest === null ? null : Number(lowest);
}

/** Without the registration lock: lower ones may still appear. */
export const newestWatchId = async (db: Queryable, partitionId: number): Promise<bigint> =>
  BigInt((await db.query<{ newest: string }>(NEWEST, [partitionId])).rows[0]?.newest ?? 0);
