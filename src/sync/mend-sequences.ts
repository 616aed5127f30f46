import { advanceSequences, type SequenceBehind } from '../database/sequence-queries.js';
import type { Tx } from '../database/transaction.js';

export type AdvancedSequence = SequenceBehind;

const AUDIT = `
  insert into audit_log (action, entity_type, entity_id, actor, details)
  select 'sequence.advanced', 'sequence', sequence, 'worker',
         jsonb_build_object('table', name, 'from', next, 'to', (highest::bigint + 1)::text)
    from unnest($1::text[], $2::text[], $3::text[], $4::text[]) with ordinality
      as s (sequence, name, next, highest, ord)
   order by ord`;

/** What an import of rows alone left behind would stop the chain at the next payment: a new term begins without it. */
export async function mendSequences(tx: Tx): Promise<AdvancedSequence[]> {
  const advanced = await advanceSequences(tx);
  if (advanced.length === 0) return [];
  await tx.query(AUDIT, [
    advanced.map(({ sequence }) => sequence),
    advanced.map(({ table }) => table),
    advanced.map(({ next }) => next),
    advanced.map(({ highest }) => highest),
  ]);
  return advanced;
}
