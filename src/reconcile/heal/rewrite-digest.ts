import type { Tx } from '../../database/transaction.js';
import { readDigest } from '../../payments/digest/digest-queries.js';
import { rewriteDigests } from '../../payments/digest/recompute.js';
import { auditHealing } from './store-queries.js';

/**
 * Folds the digest again above a height, from the rows as they are after healing; most often it comes out
 * as it was, for it was the rows that somebody had changed.
 */
export async function rewriteDigest(
  tx: Tx,
  at: Date,
  partitionId: number,
  above: number,
  { actor, cause }: { readonly actor: string; readonly cause: string },
): Promise<void> {
  const recorded = await readDigest(tx, partitionId);
  if (!(await rewriteDigests(tx, partitionId, above + 1))) return;
  const details = { cause, above, recorded, computed: await readDigest(tx, partitionId) };
  await auditHealing(tx, at, actor, [
    { action: 'digest.corrected', entityType: 'state_digest', entityId: `${partitionId}`, details },
  ]);
}
