import type { Tx } from '../../database/transaction.js';
import { digestFingerprint, readDigest } from '../../payments/digest/digest-queries.js';
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
  const recorded = await lookAbove(tx, partitionId, above);
  await rewriteDigests(tx, partitionId, above + 1);
  const computed = await lookAbove(tx, partitionId, above);
  if (recorded.fingerprint === computed.fingerprint) return;
  const details = { cause, above, recorded: recorded.last, computed: computed.last };
  await auditHealing(tx, at, actor, [
    { action: 'digest.corrected', entityType: 'state_digest', entityId: `${partitionId}`, details },
  ]);
}

async function lookAbove(tx: Tx, partitionId: number, above: number) {
  const fingerprint = await digestFingerprint(tx, partitionId, above);
  return { fingerprint, last: await readDigest(tx, partitionId) };
}
