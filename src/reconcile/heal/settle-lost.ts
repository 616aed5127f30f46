import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import { addsUpToNothing } from '../verify/settled-orphans.js';
import type { HealContext } from './context.js';

const SETTLE = `
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  select 'ledger.settled', 'payment', w.tx_hash || '#' || w.output_index, $3,
         jsonb_build_object('cause', $4::text), $5
    from unnest($1::text[], $2::int[]) as w (tx_hash, output_index)
   where w.tx_hash ~ '^[0-9a-f]{64}$' and ${addsUpToNothing('w')}
   order by w.tx_hash, w.output_index
  returning entity_id as reference`;

/**
 * Of payments that have entries and no row, that the chain lacks, and of which nothing was told that a row could be made
 * of, those whose entries add up to nothing by now: they were invented and taken back, and an audit entry says so.
 */
export async function settleLost(
  tx: Tx,
  at: Date,
  { actor, cause }: HealContext,
  lost: readonly OutputReference[],
): Promise<readonly OutputReference[]> {
  if (lost.length === 0) return [];
  const parts = lost.map((reference) => reference.split('#'));
  const { rows } = await tx.query<{ reference: OutputReference }>(SETTLE, [
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
    actor,
    cause,
    at,
  ]);
  return rows.map(({ reference }) => reference);
}
