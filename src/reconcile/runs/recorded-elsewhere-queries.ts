import { type OutputReference, outputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';

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
