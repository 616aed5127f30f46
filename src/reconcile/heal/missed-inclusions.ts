import type { Tx } from '../../database/transaction.js';
import { lockControl } from '../../payouts/tracking/adoption-queries.js';
import { include } from '../../payouts/tracking/tracking.js';
import type { Truth } from './context.js';

const MISSED = `
  select t.tx_hash as "txHash", s.height::float8 as height,
         coalesce(b.hash, w.block_hash) as "blockHash", coalesce(b.slot, w.slot)::float8 as slot
    from unnest($1::text[], $2::bigint[]) as s (tx_hash, height)
    join payout_transactions t on t.tx_hash = s.tx_hash and t.block_height is null
    left join blocks b on b.partition_id = $3 and b.height = s.height and not b.boundary
    left join lateral (select block_hash, slot from wallet_outputs w
                        where w.partition_id = $3 and w.tx_hash = s.tx_hash
                          and w.block_height = s.height limit 1) w on true`;

type Found = {
  readonly txHash: string;
  readonly height: number;
  readonly blockHash: string | null;
  readonly slot: number | null;
};

/**
 * Outputs of the wallet whose spends weren't known: the transaction that spent them may be one that was
 * signed here, and its payouts were thought to be on their way.
 */
export async function includeMissed(
  tx: Tx,
  at: Date,
  partitionId: number,
  truths: readonly Truth[],
): Promise<void> {
  const spenders = new Map<string, number>();
  for (const { onChain } of truths) {
    if (onChain === null || typeof onChain.spent === 'string') continue;
    spenders.set(onChain.spent.txHash, onChain.spent.height);
  }
  if (spenders.size === 0) return;
  const { rows } = await tx.query<Found>(MISSED, [
    [...spenders.keys()],
    [...spenders.values()],
    partitionId,
  ]);
  // Where headers are pruned and no change came back nobody knows its block; what it paid is settled by `rebuild`.
  const found = rows.flatMap(({ blockHash, slot, ...row }) =>
    blockHash === null || slot === null ? [] : [{ ...row, blockHash, slot }],
  );
  if (found.length === 0) return;
  await lockControl(tx);
  await include(tx, at, new Map(found.map((row) => [row.txHash, row])));
}
