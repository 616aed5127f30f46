import type { Tx } from '../../database/transaction.js';

const DROP = 'delete from state_digests where partition_id = $1 and height = any($2::bigint[])';

/** Of blocks that brought nothing. */
export async function dropDigests(
  tx: Tx,
  partitionId: number,
  heights: readonly number[],
): Promise<void> {
  if (heights.length > 0) await tx.query(DROP, [partitionId, heights]);
}
