import { outputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import type { Told } from './told.js';

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

const TOLD = `
  select tx_hash, output_index, counted_from from incoming_payments
   where partition_id = $1 and counted_from >= $2 and ($3::bigint is null or counted_from < $3)
  union all
  select tx_hash, output_index, counted_from from wallet_outputs
   where partition_id = $1 and block_height is null
     and counted_from >= $2 and ($3::bigint is null or counted_from < $3)`;

/** What a ledger told of at those heights. */
export async function toldBetween(
  db: Queryable,
  partitionId: number,
  { from, below = null }: { readonly from: number; readonly below?: number | null },
): Promise<readonly Told[]> {
  type Row = ReferenceRow & { counted_from: string };
  const { rows } = await db.query<Row>(TOLD, [partitionId, from, below]);
  return rows.map((row) => ({
    reference: outputReference(row.tx_hash, row.output_index),
    countedFrom: Number(row.counted_from),
  }));
}

const NEWEST = `
  select coalesce(max(watch_id), 0)::text as newest from payment_addresses where partition_id = $1`;

const LOWEST_FROM = `
  select behind.watch_id::text as behind,
         (select min(a.watched_from) from payment_addresses a
           where a.partition_id = $1 and a.watch_id > behind.watch_id)::text as lowest
    from unnest($2::bigint[]) as behind (watch_id)`;

/** From when on the first of the addresses counts that were registered behind each; nothing where there is none. */
export async function lowestWatchedFrom(
  db: Queryable,
  partitionId: number,
  behind: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  type Row = { behind: string; lowest: string | null };
  const { rows } = await db.query<Row>(LOWEST_FROM, [partitionId, behind]);
  return new Map(
    rows.flatMap((row) => (row.lowest === null ? [] : [[row.behind, Number(row.lowest)] as const])),
  );
}

/** Without the registration lock: lower ones may still appear. */
export const newestWatchId = async (db: Queryable, partitionId: number): Promise<bigint> =>
  BigInt((await db.query<{ newest: string }>(NEWEST, [partitionId])).rows[0]?.newest ?? 0);
