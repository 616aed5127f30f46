import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import { firstTold } from '../heal/first-told.js';
import type { CompareScope } from './candidate-queries.js';

// What was there before the first block that was read no block tells of; what was told of it does.
const ABOVE = `
  case when o.data ->> 'blockHeight' ~ '^[0-9]{1,15}$'
       then (o.data ->> 'blockHeight')::bigint > $2 end`;
const GONE = `
  with lost as (select * from unnest($3::text[], $4::int[]) as l (tx_hash, output_index)),
  told as (${firstTold('lost', ABOVE)})
  select l.tx_hash || '#' || l.output_index as reference
    from lost l
   where not exists (select from rebuild_outputs o
                      where o.job_id = $1 and o.tx_hash = l.tx_hash and o.output_index = l.output_index)
     and ($2::bigint < 0 or exists (
       select from told t
        where t.readable and t.tx_hash = l.tx_hash and t.output_index = l.output_index))`;

/** Those of them that no block made, where all blocks were read that may have. */
export async function goneAmong(
  tx: Tx,
  { jobId, fromHeight }: Pick<CompareScope, 'jobId' | 'fromHeight'>,
  references: readonly OutputReference[],
): Promise<ReadonlySet<OutputReference>> {
  if (references.length === 0) return new Set();
  const parts = references.map((reference) => reference.split('#'));
  const { rows } = await tx.query<{ reference: OutputReference }>(GONE, [
    jobId,
    fromHeight,
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
  ]);
  return new Set(rows.map((row) => row.reference));
}
