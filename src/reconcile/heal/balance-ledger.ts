import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import { LEDGER_LEGS } from '../verify/ledger-differences.js';

export type LedgerCorrection = {
  /** Who asked for it, for the audit log. */
  readonly actor: string;
  readonly cause: string;
  /** Payments whose rows were held against the chain, or have none and are nowhere. */
  readonly payments: readonly OutputReference[];
  /** Payouts whose rows are what was told of them. */
  readonly payouts: readonly string[];
  /** Balances that may not be the sum of their entries. */
  readonly balances: readonly { readonly userId: string; readonly unit: string }[];
  /** Where entries are what was sealed; else no balance is set that corrections alone don't explain. */
  readonly areEntriesSound: boolean;
  /** Payouts that something contradicts: nor are balances of their users, whoever was said to be that. */
  readonly disputedPayouts: readonly string[];
};

export type LedgerHealing = {
  /** Correcting entries that were appended. */
  readonly entries: number;
  /** Balances that were set to the sum of their entries, though no entry of this correction changed them. */
  readonly balances: number;
};

type LeftAlone = { readonly doubtful: number; readonly endless: number };

export const SIGNED = "case type when 'credit' then amount else -amount end";

// The legs of these causes alone, found by their indexes.
const LEGS = LEDGER_LEGS.replaceAll('balance_transactions', 'some_entries')
  .replaceAll('incoming_payments', 'some_payments')
  .replaceAll('outbound_payments', 'some_payouts');
const DIFFERENCES = `
  with wanted as (select * from unnest($1::text[], $2::int[]) as w (tx_hash, output_index)),
  some_payments as (select p.* from incoming_payments p join wanted using (tx_hash, output_index)),
  some_payouts as (select * from outbound_payments where id = any($3::text[])),
  some_entries as (
    select b.* from balance_transactions b join wanted using (tx_hash, output_index)
    union all
    select b.* from balance_transactions b where b.payout_id = any($3::text[])
  )
  select d.tx_hash, d.output_index, coalesce(payment.inclusion, d.inclusion) as inclusion, d.payout_id,
         coalesce(payout.turn, d.payout_turn) as payout_turn, d.user_id, d.unit, d.bucket, d.booked,
         d.expected, d.expected - d.booked as delta
    from (select tx_hash, output_index, payout_id, user_id, unit, bucket, max(inclusion) as inclusion,
                 max(payout_turn) as payout_turn, sum(booked) as booked, sum(expected) as expected
            from (${LEGS}) as legs
           group by tx_hash, output_index, payout_id, user_id, unit, bucket
          having sum(booked) <> sum(expected)) d
    left join some_payments payment
      on payment.tx_hash = d.tx_hash and payment.output_index = d.output_index
    left join some_payouts payout on payout.id = d.payout_id
   -- What isn't a number can't be made good by adding anything.
   where abs(d.expected - d.booked) < 'Infinity'`;
// A table that is made of a query takes no parameters.
const MAKE_TABLES = `
  create temp table ledger_corrections (
    tx_hash text, output_index int, inclusion int, payout_id text, payout_turn int, user_id text,
    unit text, bucket text, booked numeric, expected numeric, delta numeric) on commit drop;
  create temp table unbalanced (user_id text, unit text) on commit drop`;
const COLLECT = `insert into ledger_corrections ${DIFFERENCES}`;

// A sequence that another hand set back hands out what a cause was corrected by before.
const APPEND = `
  with causes as (select distinct tx_hash, output_index, payout_id from ledger_corrections),
  highest as (
    select max(correction_id) filter (where correction_id < ${Number.MAX_SAFE_INTEGER}) as id
      from (select b.correction_id from balance_transactions b join causes using (tx_hash, output_index)
            union all
            select b.correction_id from balance_transactions b join causes c on c.payout_id = b.payout_id) as e
  ), numbered as (
    select greatest(nextval('correction_ids'), coalesce(highest.id, 0) + 1) as id from highest
  )
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

const CANDIDATES = `
  insert into unbalanced
  select user_id, unit from ledger_corrections
  union
  select * from unnest($1::text[], $2::text[])`;
const MAKE_BALANCES = `
  insert into user_balances (user_id, unit) select user_id, unit from unbalanced on conflict do nothing`;
const LOCK_BALANCES = `
  select 1 from user_balances b join unbalanced using (user_id, unit)
   order by b.user_id, b.unit for update of b`;
const SET_BALANCES = `
  with disputed as (
    select user_id from outbound_payments where id = any($5::text[])
    union
    select user_id from balance_transactions where payout_id = any($5::text[])
    union
    select details ->> 'userId' from audit_log
     where entity_type = 'payout' and entity_id = any($5::text[])
       and action in ('payout.created', 'payout.claimed')
  ), sums as (
    select user_id, unit,
           coalesce(sum(${SIGNED}) filter (where bucket = 'available'), 0) as available,
           coalesce(sum(${SIGNED}) filter (where bucket = 'held'), 0) as held,
           coalesce(sum(${SIGNED}) filter (where bucket = 'pending'), 0) as pending
      from balance_transactions join unbalanced using (user_id, unit) group by user_id, unit
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
             is distinct from (coalesce(s.available, 0), coalesce(s.held, 0), coalesce(s.pending, 0)) as silent,
           $4 and not exists (select 1 from disputed d where d.user_id = b.user_id) as is_sound
      from user_balances b join unbalanced using (user_id, unit)
      left join sums s using (user_id, unit) left join corrected c using (user_id, unit)
     where (b.available, b.held, b.pending)
             is distinct from (coalesce(s.available, 0), coalesce(s.held, 0), coalesce(s.pending, 0))
       and coalesce(abs(s.available) + abs(s.held) + abs(s.pending), 0) < 'Infinity'
  ), moved as (
    update user_balances b set available = w.available, held = w.held, pending = w.pending
      from wrong w where b.user_id = w.user_id and b.unit = w.unit and (w.is_sound or not w.silent)
  ), audited as (
    insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
    select 'balance.corrected', 'balance', user_id || ' ' || unit, $2,
           jsonb_build_object('cause', $3::text, 'userId', user_id, 'unit', unit,
             'recorded', jsonb_build_object('available', was_available::text, 'held', was_held::text,
                                            'pending', was_pending::text),
             'computed', jsonb_build_object('available', available::text, 'held', held::text,
                                            'pending', pending::text)), $1
      from wrong where silent and is_sound order by user_id, unit
    returning 1
  )
  select (select count(*) from audited)::int as balances,
         (select count(*) from wrong where silent and not is_sound)::int as doubtful,
         (select count(*) from sums
           where abs(available) + abs(held) + abs(pending) >= 'Infinity')::int as endless`;

/**
 * Makes the ledger of some causes what payments and payouts make it, by entries that are appended, and
 * balances the sum of their entries. The rows of payments and payouts are taken as they are.
 *
 * @returns also how many balances it left alone: entries are not what was sealed (`doubtful`), or no numbers (`endless`)
 */
export async function balanceLedger(
  tx: Tx,
  at: Date,
  { actor, cause, payments, payouts, balances, ...trust }: LedgerCorrection,
): Promise<LedgerHealing & LeftAlone> {
  const parts = payments.map((reference) => reference.split('#'));
  await tx.query(MAKE_TABLES);
  await tx.query(COLLECT, [
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
    payouts,
  ]);
  const { rowCount } = await tx.query(APPEND, [at]);
  if ((rowCount ?? 0) > 0) await tx.query(AUDIT_ENTRIES, [at, actor, cause]);
  await tx.query(CANDIDATES, [
    balances.map(({ userId }) => userId),
    balances.map(({ unit }) => unit),
  ]);
  await tx.query(MAKE_BALANCES);
  // Locked first, and summed by another statement: what others committed meanwhile is seen.
  await tx.query(LOCK_BALANCES);
  type Set = LeftAlone & { balances: number };
  const values = [at, actor, cause, trust.areEntriesSound, trust.disputedPayouts];
  const { rows } = await tx.query<Set>(SET_BALANCES, values);
  await tx.query('drop table ledger_corrections, unbalanced');
  const [set = { balances: 0, doubtful: 0, endless: 0 }] = rows;
  return { entries: rowCount ?? 0, ...set };
}
