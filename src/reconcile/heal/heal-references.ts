import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import type { HealContext } from './context.js';

// An address's own references may have been changed as well: what was audited when it was registered must agree.
// An entry that doesn't speak of them, as where somebody only said whose it is, proves nothing.
const HEAL = `
  with differing as (
    select p.tx_hash, p.output_index, p.reference_type as before_type, p.reference_id as before_id,
           a.reference_type, a.reference_id
      from incoming_payments p
      join unnest($2::text[], $3::int[]) as w (tx_hash, output_index) using (tx_hash, output_index)
      join payment_addresses a using (address)
     where p.partition_id = $1 and p.user_id = a.user_id
       and (p.reference_type is distinct from a.reference_type
            or p.reference_id is distinct from a.reference_id)
       and exists (
         select 1 from audit_log l
          where l.entity_type = 'payment_address' and l.entity_id = a.address
            and l.action = 'address.registered' and l.details ?& array['referenceType', 'referenceId']
            and l.details ->> 'referenceType' is not distinct from a.reference_type
            and l.details ->> 'referenceId' is not distinct from a.reference_id)
     order by p.tx_hash, p.output_index for update of p
  ), healed as (
    update incoming_payments p set reference_type = d.reference_type, reference_id = d.reference_id
      from differing d where p.tx_hash = d.tx_hash and p.output_index = d.output_index
  )
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  select 'payment.references_corrected', 'payment', tx_hash || '#' || output_index, $4,
         jsonb_build_object(
           'cause', $5::text,
           'before', jsonb_build_object('referenceType', before_type, 'referenceId', before_id),
           'after', jsonb_build_object('referenceType', reference_type, 'referenceId', reference_id)), $6
    from differing`;

const LEFT = `
  select count(*)::int as left
    from incoming_payments p
    join unnest($2::text[], $3::int[]) as w (tx_hash, output_index) using (tx_hash, output_index)
    join payment_addresses a using (address)
   where p.partition_id = $1 and p.user_id = a.user_id
     and (p.reference_type is distinct from a.reference_type
          or p.reference_id is distinct from a.reference_id)`;

/** Gives payments the references of their addresses. Answers how many; the others have nothing to prove them. */
export async function healReferences(
  tx: Tx,
  at: Date,
  { partitionId, actor, cause }: HealContext,
  differing: readonly OutputReference[],
): Promise<{ readonly healed: number; readonly left: number }> {
  if (differing.length === 0) return { healed: 0, left: 0 };
  const parts = differing.map((reference) => reference.split('#'));
  const payments = [parts.map(([txHash]) => txHash), parts.map(([, index]) => Number(index))];
  const { rowCount } = await tx.query(HEAL, [partitionId, ...payments, actor, cause, at]);
  const { rows } = await tx.query<{ left: number }>(LEFT, [partitionId, ...payments]);
  return { healed: rowCount ?? 0, left: rows[0]?.left ?? 0 };
}
