import type { Queryable, Tx } from '../../database/transaction.js';
import { readDigest } from '../../payments/digest/digest-queries.js';
import { rewriteDigests } from '../../payments/digest/recompute.js';
import type { CompareScope } from './candidate-queries.js';

const IS_HELD = 'select 1 from chain_guard where partition_id = $1 and held_at is not null';

/** Whether the chain-split guard holds confirmations. */
export const confirmationsHeld = async (db: Queryable, partitionId: number): Promise<boolean> =>
  (await db.query(IS_HELD, [partitionId])).rows.length > 0;

const AUDIT = `
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  values ('digest.corrected', 'state_digest', $2, $3, $4, $1)`;

/**
 * Nothing below where reading began was touched, so the digest is folded again from there on; most often
 * it comes out as it was, for it was the rows that somebody had changed.
 */
export async function rewriteTouched(
  tx: Tx,
  at: Date,
  { partitionId, fromHeight }: CompareScope,
  { actor, cause }: { readonly actor: string; readonly cause: string },
): Promise<void> {
  const before = await readDigest(tx, partitionId);
  await rewriteDigests(tx, partitionId, fromHeight + 1);
  const after = await readDigest(tx, partitionId);
  if (before.digest === after.digest) return;
  await tx.query(AUDIT, [
    at,
    `${partitionId}`,
    actor,
    JSON.stringify({ cause, recorded: before, computed: after }),
  ]);
}
