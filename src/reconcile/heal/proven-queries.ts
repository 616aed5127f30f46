import type { OutputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import { originProblems } from '../../payouts/model/origin-queries.js';

/** Heights (the first exclusive) at which the tables aren't what the digest says. */
export type Stretch = { readonly above: number; readonly upTo: number };

const OUTSIDE = `
  select p.tx_hash || '#' || p.output_index as reference
    from incoming_payments p
    join unnest($1::text[], $2::int[]) as w (tx_hash, output_index) using (tx_hash, output_index)
   where not exists (
     select 1 from unnest($3::bigint[], $4::bigint[]) as s (above, up_to)
      where p.block_height > s.above and p.block_height <= s.up_to
         or p.counted_from > s.above and p.counted_from <= s.up_to
         or p.spent_height > s.above and p.spent_height <= s.up_to)
     and p.amount_lovelace < 'Infinity'
     and not exists (select from jsonb_each(p.assets) a
                      where coalesce(a.value #>> '{}', '') !~ '^[0-9]{1,30}$')
     and ($5::bigint is null or p.block_height > $5)
     and ($6::text[] is null or p.spent_by is null and p.address = any($6))`;

export type Proof = {
  /** Rows of these heights were changed by nobody knows whom. */
  readonly doubtful: readonly Stretch[];
  /** Only what followed blocks above it made was held against the chain; null: everything. */
  readonly above: number | null;
  /** Only what is unspent at these was; null: everything. */
  readonly addresses: readonly string[] | null;
};

/** Those of the payments whose rows were held against the chain, and so may be booked after. */
export async function provenAmong(
  db: Queryable,
  references: readonly OutputReference[],
  { doubtful, above, addresses }: Proof,
): Promise<OutputReference[]> {
  if (references.length === 0) return [];
  const parts = references.map((reference) => reference.split('#'));
  const { rows } = await db.query<{ reference: string }>(OUTSIDE, [
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
    doubtful.map((stretch) => stretch.above),
    doubtful.map((stretch) => stretch.upTo),
    above,
    addresses,
  ]);
  return rows.map((row) => row.reference);
}

// What was told was told of the row as it was then: it is no proof of one that isn't what was asked for.
// What was told proves no end: said to have failed, a payout that was submitted may land all the same.
const TOLD = `
  select p.id
    from outbound_payments p
   where p.id = any($1::text[])
     and p.booked = (p.user_id is not null)
     and exists (
       select 1 from outbox o
        where o.event_key = case when p.status in ('submitted', 'in_block')
                                   then 'payout.submitted:' || p.id || ':' || p.tx_hash
                                 when p.status = 'confirmed'
                                   then 'payout.confirmed:' || p.id || ':' || p.turn end
          and o.data ->> 'amountLovelace' = p.amount_lovelace::text
          and o.data ->> 'userId' is not distinct from p.user_id
          and o.data -> 'assets' = p.assets)`;

const STRAYED = `
  with suspects as (select * from outbound_payments where id = any($1::text[]))
  select id from (${originProblems('suspects')}) as strayed`;

/** Those of the payouts that are signed or confirmed, and whose rows are what was told of that. */
export async function toldAmong(db: Queryable, payouts: readonly string[]): Promise<string[]> {
  if (payouts.length === 0) return [];
  const { rows: told } = await db.query<{ id: string }>(TOLD, [payouts]);
  const { rows: strayed } = await db.query<{ id: string }>(STRAYED, [payouts]);
  const without = new Set(strayed.map((row) => row.id));
  return told.map((row) => row.id).filter((id) => !without.has(id));
}
