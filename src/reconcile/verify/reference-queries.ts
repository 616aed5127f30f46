import type { OutputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import type { Bounded } from '../seals/check-queries.js';
import { bounded } from './bounded.js';

/** A payment whose references aren't those of its address, which never change once it is registered. */
export type ReferenceMismatch = {
  readonly payment: OutputReference;
  readonly userId: string;
  readonly recorded: OwnReferences;
  readonly ofAddress: OwnReferences;
};

type OwnReferences = { readonly referenceType: string | null; readonly referenceId: string | null };

// Where the user is another one, references are set right with the user.
const DIFFERING = `
  select p.tx_hash || '#' || p.output_index as payment, p.user_id as "userId",
         jsonb_build_object('referenceType', p.reference_type, 'referenceId', p.reference_id) as recorded,
         jsonb_build_object('referenceType', a.reference_type, 'referenceId', a.reference_id) as "ofAddress",
         count(*) over () as differences
    from incoming_payments p
    join payment_addresses a using (address)
   where p.user_id = a.user_id
     and (p.reference_type is distinct from a.reference_type
          or p.reference_id is distinct from a.reference_id)
     and ($2::text[] is null or p.address = any($2))
   order by p.tx_hash, p.output_index limit $1`;

/** @param addresses whose payments are looked at; null for all */
export async function checkReferences(
  db: Queryable,
  shown: number,
  addresses: readonly string[] | null = null,
): Promise<Bounded<ReferenceMismatch>> {
  const { rows } = await db.query<ReferenceMismatch & { differences: string }>(DIFFERING, [
    shown,
    addresses,
  ]);
  return bounded(rows);
}
