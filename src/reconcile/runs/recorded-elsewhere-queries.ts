import { type OutputReference, outputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';

// Nearly all are plainly held, and nothing else has to be known of them: they don't leave the database. By
// "limit 1" each is looked up by its key: for some thousands of them PostgreSQL would read all of the table.
const NOT_HELD = `
  select r.tx_hash, r.output_index
    from unnest($3::text[], $4::int[], $5::boolean[]) as r (tx_hash, output_index, is_wallets)
    left join lateral (
           select true as held from incoming_payments p
            where p.tx_hash = r.tx_hash and p.output_index = r.output_index and p.partition_id = $1
              and not r.is_wallets
              and (p.spent_by is null or p.spent_height > $2) and p.status <> 'rolled_back'
              and coalesce(p.block_height, p.counted_from, -1) <= $2 limit 1) as p on true
    left join lateral (
           select true as held from wallet_outputs w
            where w.tx_hash = r.tx_hash and w.output_index = r.output_index and w.partition_id = $1
              and r.is_wallets
              and (w.spent_by is null or w.spent_height > $2)
              and coalesce(w.block_height, w.counted_from, -1) <= $2 limit 1) as w on p.held is null
   where p.held is null and w.held is null`;

/**
 * Those of them that the books don't hold to be unspent right after the block of that height: the hot
 * wallet's among its outputs, all others among the payments.
 */
export async function notHeld(
  db: Queryable,
  { partitionId, hotWallet }: { readonly partitionId: number; readonly hotWallet: string | null },
  height: number,
  outputs: readonly { readonly reference: OutputReference; readonly address: string }[],
): Promise<Set<OutputReference>> {
  const parts = outputs.map(({ reference }) => reference.split('#'));
  const { rows } = await db.query<{ tx_hash: string; output_index: number }>(NOT_HELD, [
    partitionId,
    height,
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
    outputs.map(({ address }) => address === hotWallet),
  ]);
  return new Set(rows.map((row) => outputReference(row.tx_hash, row.output_index)));
}

const ELSEWHERE = `
  select tx_hash, output_index from (
    select tx_hash, output_index from incoming_payments
     where partition_id <> $1 and (tx_hash, output_index) in (select * from unnest($2::text[], $3::int[]))
    union all
    select tx_hash, output_index from wallet_outputs
     where partition_id <> $1 and (tx_hash, output_index) in (select * from unnest($2::text[], $3::int[]))
  ) o`;

/** Those of them that another partition's books have. */
export async function recordedElsewhere(
  db: Queryable,
  partitionId: number,
  references: readonly OutputReference[],
): Promise<Set<OutputReference>> {
  if (references.length === 0) return new Set();
  const parts = references.map((reference) => reference.split('#'));
  const { rows } = await db.query<{ tx_hash: string; output_index: number }>(ELSEWHERE, [
    partitionId,
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
  ]);
  return new Set(rows.map((row) => outputReference(row.tx_hash, row.output_index)));
}
