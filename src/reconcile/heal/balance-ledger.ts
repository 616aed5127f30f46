import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import { LEDGER_DIFFERENCES } from '../verify/ledger-differences.js';

export type LedgerContext = {
  /** Who asked for it, for the audit log. */
  readonly actor: string;
  readonly cause: string;
  /** Only what concerns these users; null: everybody. */
  readonly users: readonly string[] | null;
  /** Payments whose rows can't be relied on: nothing is booked after them. */
  readonly except: readonly OutputReference[];
};

export type LedgerHealing = {
  /** Correcting entries that were appended. */
  readonly entries: number;
  /** Balances that were set to the sum of their entries, though no entry of this correction changed them. */
  readonly balances: number;
};

const COLLECT = `
  create temp table ledger_corrections on commit drop as
  select d.*, d.expected - d.booked as delta from (${LEDGER_DIFFERENCES}) d where false`;
const FILL = `
  insert into ledger_corrections
  select d.*, d.expected - d.booked as delta from (${LEDGER_DIFFERENCES}) d
   where ($1::text[] is null or d.user_id = any($1))
     and (d.tx_hash is null or not (d.tx_hash || '#' || d.output_index) = any($2::text[]))`;
const APPEND = `
  with numbered as (select nextval('correction_ids') as id)
  insert into balance_transactions
    (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion, payout_id, payout_turn,
     correction_id, created_at)
  select user_id, unit, bucket, case when delta > 0 then 'credit' else 'debit' end, abs(delta), 'correction',
         tx_hash, output_index, inclusion, payout_id, payout_turn, numbered.id, $1
    from ledger_corrections, numbered
   order by user_id, unit, tx_hash, output_index, payout_id, bucket`;
const AUDIT_ENTRIES = `
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  select 'ledger.corrected', case when payout_id is null then 'payment' else 'payout' end,
         coalesce(payout_id, tx_hash || '#' || output_index), $2,
         jsonb_build_object('cause', $3::text, 'userId', user_id, 'entries',
           jsonb_agg(jsonb_build_object('unit', unit, 'bucket', bucket, 'booked', booked::text,
                                        'expected', expected::text) order by unit, bucket)), $1
    from ledger_corrections
   group by tx_hash, output_index, payout_id, user_id
   order by user_id, tx_hash, output_index, payout_id`;

const SIGNED = "case type when 'credit' then amount else -amount end";
const SUMS = `
  select user_id, unit,
         coalesce(sum(${SIGNED}) filter (where bucket = 'available'), 0) as available,
         coalesce(sum(${SIGNED}) filter (where bucket = 'held'), 0) as held,
         coalesce(sum(${SIGNED}) filter (where bucket = 'pending'), 0) as pending
    from balance_transactions`;
const COLLECT_UNBALANCED = `
  create temp table unbalanced on commit drop as
  select user_id, unit
    from (${SUMS} where $1::text[] is null or user_id = any($1) group by user_id, unit) s
    full join (select * from user_balances where $1::text[] is null or user_id = any($1)) b
      using (user_id, unit)
   where (coalesce(b.available, 0), coalesce(b.held, 0), coalesce(b.pending, 0))
           is distinct from (coalesce(s.available, 0), coalesce(s.held, 0), coalesce(s.pending, 0))`;
const MAKE_BALANCES = `
  insert into user_balances (user_id, unit) select user_id, unit from unbalanced on conflict do nothing`;
const LOCK_BALANCES = `
  select 1 from user_balances b join unbalanced using (user_id, unit)
   order by b.user_id, b.unit for update of b`;
// A bucket that must not be below zero can't be set there: then the ledger itself is what is wrong.
const SET_BALANCES = `
  with sums as (
    ${SUMS} join unbalanced using (user_id, unit) group by user_id, unit
  ), corrected as (
    select user_id, unit,
           coalesce(sum(delta) filter (where bucket = 'available'), 0) as available,
           coalesce(sum(delta) filter (where bucket = 'held'), 0) as held,
           coalesce(sum(delta) filter (where bucket = 'pending'), 0) as pending
      from ledger_corrections group by user_id, unit
  ), wrong as (
    select b.user_id, b.unit, b.available as was_available, b.held as was_held, b.pending as was_pending,
           coalesce(s.available, 0) as available, coalesce(s.held, 0) as held,
           coalesce(s.pending, 0) as pending,
           (b.available + coalesce(c.available, 0), b.held + coalesce(c.held, 0),
            b.pending + coalesce(c.pending, 0))
             is distinct from (coalesce(s.available, 0), coalesce(s.held, 0), coalesce(s.pending, 0)) as silent
      from user_balances b join unbalanced using (user_id, unit)
      left join sums s using (user_id, unit) left join corrected c using (user_id, unit)
     where (b.available, b.held, b.pending)
             is distinct from (coalesce(s.available, 0), coalesce(s.held, 0), coalesce(s.pending, 0))
       and coalesce(s.held, 0) >= 0 and coalesce(s.pending, 0) >= 0
  ), moved as (
    update user_balances b set available = w.available, held = w.held, pending = w.pending
      from wrong w where b.user_id = w.user_id and b.unit = w.unit
    returning b.user_id, b.unit
  ), audited as (
    insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
    select 'balance.corrected', 'balance', user_id || ' ' || unit, $2,
           jsonb_build_object('cause', $3::text, 'userId', user_id, 'unit', unit,
             'recorded', jsonb_build_object('available', was_available::text, 'held', was_held::text,
                                            'pending', was_pending::text),
             'computed', jsonb_build_object('available', available::text, 'held', held::text,
                                            'pending', pending::text)), $1
      from wrong where silent order by user_id, unit
    returning 1
  )
  select (select count(*) from audited)::int as balances, (select count(*) from moved)::int as moved`;

/**
 * Makes the ledger what payments and payouts make it, by entries that are appended, and every balance the
 * sum of its entries. The rows of payments and payouts are taken as they are: they are healed before.
 */
export async function balanceLedger(
  tx: Tx,
  at: Date,
  { actor, cause, users, except }: LedgerContext,
): Promise<LedgerHealing> {
  await tx.query(COLLECT);
  await tx.query(FILL, [users, except]);
  const { rowCount } = await tx.query(APPEND, [at]);
  if ((rowCount ?? 0) > 0) await tx.query(AUDIT_ENTRIES, [at, actor, cause]);
  await tx.query(COLLECT_UNBALANCED, [users]);
  await tx.query(MAKE_BALANCES);
  // Locked first, and summed by another statement: what others committed meanwhile is seen.
  await tx.query(LOCK_BALANCES);
  const { rows } = await tx.query<{ balances: number }>(SET_BALANCES, [at, actor, cause]);
  await tx.query('drop table ledger_corrections, unbalanced');
  return { entries: rowCount ?? 0, balances: rows[0]?.balances ?? 0 };
}
