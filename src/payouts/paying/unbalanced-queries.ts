import type { Queryable } from '../../database/transaction.js';

const SIGNED = "case b.type when 'credit' then b.amount else -b.amount end";

/**
 * One statement, so that balances and entries are of one moment, and nobody waits. A user's entries are read by their
 * index, once for each unit: grouped by unit those of a user who has very many would be sorted on disk first.
 */
const UNBALANCED = `
  with asked as (
    select p.id, p.user_id, wanted.unit
      from outbound_payments p
     cross join lateral (select 'lovelace' as unit
                         union select jsonb_object_keys(p.assets)) as wanted
     where p.id = any($1::text[]) and p.user_id is not null),
  entered as materialized (
    select u.user_id, u.unit, e.*
      from (select distinct user_id, unit from asked) as u
     cross join lateral (
       select coalesce(sum(${SIGNED}) filter (where b.bucket = 'available'), 0) as available,
              coalesce(sum(${SIGNED}) filter (where b.bucket = 'held'), 0) as held,
              coalesce(sum(${SIGNED}) filter (where b.bucket = 'pending'), 0) as pending
         from balance_transactions b
        where b.user_id = u.user_id and b.unit = u.unit) as e)
  select id as "payoutId", user_id as "userId", unit,
         array[coalesce(s.available, 0), coalesce(s.held, 0), coalesce(s.pending, 0)]::text[] as stored,
         array[e.available, e.held, e.pending]::text[] as entered
    from asked
    join entered e using (user_id, unit)
    left join user_balances s using (user_id, unit)
   where (coalesce(s.available, 0), coalesce(s.held, 0), coalesce(s.pending, 0))
         is distinct from (e.available, e.held, e.pending)
   order by 1, 2, 3`;

type Row = {
  readonly payoutId: string;
  readonly userId: string;
  readonly unit: string;
  /** Available, held, pending. */
  readonly stored: readonly [string, string, string];
  readonly entered: readonly [string, string, string];
};

/**
 * Payouts that were accepted on a balance that isn't the sum of its entries: what another hand wrote there is
 * other users' money. Who asks before signing is told of any that could be accepted so; later changes don't matter.
 */
export async function unbalancedOf(
  db: Queryable,
  payoutIds: readonly string[],
): Promise<{ readonly payoutId: string; readonly why: string }[]> {
  const { rows } = await db.query<Row>(UNBALANCED, [payoutIds]);
  return rows.map((row) => ({ payoutId: row.payoutId, why: inWords(row) }));
}

const inWords = ({ userId, unit, stored, entered }: Row): string =>
  `user ${userId} has ${stored[0]} ${unit} available, ${stored[1]} held and ${stored[2]} pending, ` +
  `by the entries of the ledger ${entered[0]}, ${entered[1]} and ${entered[2]}`;
