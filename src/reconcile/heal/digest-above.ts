import type { Queryable, Tx } from '../../database/transaction.js';
import type { HealContext } from './context.js';
import { auditHealing } from './store-queries.js';

const ABOVE_CURSOR = `
  select min(d.height)::text as lowest
    from state_digests d join sync_state s using (partition_id)
   where d.partition_id = $1 and d.height > coalesce(s.last_block_height, -1)`;

/** The lowest height above the cursor of which the state digest tells: another hand's. Null where there is none. */
export async function digestAboveCursor(
  db: Queryable,
  partitionId: number,
): Promise<string | null> {
  const { rows } = await db.query<{ lowest: string | null }>(ABOVE_CURSOR, [partitionId]);
  return rows[0]?.lowest ?? null;
}

const DELETE_ABOVE = `
  delete from state_digests where partition_id = $1 and height > $2
  returning height::text, facts, digest`;

/** No block above the cursor was followed, so none can have brought anything. */
export async function dropDigestAbove(
  tx: Tx,
  at: Date,
  { partitionId, cursorHeight, actor, cause }: HealContext,
): Promise<void> {
  type Row = { height: string; facts: number; digest: string };
  const { rows } = await tx.query<Row>(DELETE_ABOVE, [partitionId, cursorHeight]);
  if (rows.length === 0) return;
  const details = {
    cause,
    above: cursorHeight,
    removed: rows.slice(0, SHOWN_MAX),
    count: rows.length,
  };
  await auditHealing(tx, at, actor, [
    { action: 'digest.corrected', entityType: 'state_digest', entityId: `${partitionId}`, details },
  ]);
}
/** Of what was removed, in the audit log. */
const SHOWN_MAX = 100;
