import type { Queryable } from '../../database/transaction.js';
import { slotBelow } from '../../payouts/model/chain-queries.js';
import {
  ALL_OPEN,
  CONFIRMATION_TOLD,
  deadTransactions,
  FEE_OF_ITS_PAYOUTS,
  KEPT_FOR_NONE,
  LOST_TRANSACTIONS,
  MAY_LAND,
  NAMED_AND_UNKNOWN,
  spendsAnchorOf,
  TOLD_AND_UNKNOWN,
  unknownSpends,
} from '../../payouts/model/evidence-queries.js';
import type { Bounded } from '../seals/check-queries.js';
import { bounded } from './bounded.js';

/** Transactions whose payouts are looked for by events, one by one. */
const LOOKED_UP_MAX = 20;
const NOT_PAID = "p.status <> 'in_block'";
/** Few of all payouts, found in one pass. */
const UNCONFIRMED = `
  unconfirmed as materialized (
    select id, status, tx_hash, batch_id, turn from outbound_payments where status <> 'confirmed')`;

/**
 * `told_confirmed`: an event told of its confirmation, and its row says otherwise. `told_submitted`: one told
 * that a transaction pays it, which isn't known to, or isn't known at all. `may_land`: a transaction that pays it may still come into a
 * block, and its row isn't bound to what that spends, or says that it isn't to be paid. Of confirmed payouts nothing
 * is looked up: there are millions of them.
 */
const TOLD = `
  select p.id as "payoutId", p.status, p.tx_hash as "txHash", 'told_confirmed' as problem,
         p.status as recorded, ${CONFIRMATION_TOLD} as found
    from unconfirmed p
   where ${CONFIRMATION_TOLD} is not null
  union all
  select p.id, p.status, p.tx_hash, 'told_submitted', p.status, t.tx_hash
    from (select * from unpaid order by block_height desc nulls first, tx_hash limit ${LOOKED_UP_MAX}) as t,
         unconfirmed p
   where ${NOT_PAID} and ${TOLD_AND_UNKNOWN}
  union all
  select p.id, p.status, p.tx_hash, 'told_submitted', p.status, lost.tx_hash
    from unconfirmed p ${LOST_TRANSACTIONS}
   where ${NOT_PAID}
  union all
  select p.id, p.status, p.tx_hash, 'may_land', p.status, t.tx_hash
    from unconfirmed p ${MAY_LAND}
   where ${NOT_PAID}
     and not (p.status in ('queued', 'submitted') and ${spendsAnchorOf('p.batch_id')})`;

// As the payer has it, which lets go of what was over k blocks ago: no fork brings that back.
const DEEP_SLOT = `(select ${slotBelow('$2::bigint')} from sync_state s where s.partition_id = 0)`;
const DEEP_HEIGHT = `
  (select s.last_block_height - $2::bigint from sync_state s where s.partition_id = 0)`;
/**
 * `stranded`: nobody would ever pay it, for whoever pays looks for attempts of open batches, and for what is queued
 * in none. `untold`: it says to be confirmed, and no event tells so; deeper ones aren't looked up, there are millions.
 * Without "offset 0" events would be looked for before it is known which ones are deeper.
 */
const LEFT = `
  select p.id, p.status, p.tx_hash, 'stranded', p.status,
         case when p.batch_id is null then 'no batch'
              when b.released_at is not null then 'batch ' || b.id || ' released' else 'no attempt' end
    from unconfirmed p
    left join payout_batches b on b.id = p.batch_id
    left join payout_attempts a on a.payout_id = p.id and a.tx_hash = p.tx_hash
   where p.status = 'submitted' and (p.batch_id is null or a.tx_hash is null)
      or p.status in ('queued', 'submitted') and b.released_at is not null
  union all
  select p.id, p.status, p.tx_hash, 'untold', p.status, 'in_block'
    from payout_transactions t
    join payout_attempts a on a.tx_hash = t.tx_hash
   cross join lateral (select * from outbound_payments o where o.id = a.payout_id offset 0) as p
   where t.block_height > ${DEEP_HEIGHT} and p.tx_hash = t.tx_hash and p.status = 'confirmed'
     and (select true from outbox o where o.event_key = 'payout.confirmed:' || p.id || ':' || p.turn) is null`;

/**
 * `attempts`: the parts of a transaction's fee don't add up to it, so a payout of it is missing, or was added. It is
 * the one that the transaction's bytes name, where one does that isn't known to be paid by it.
 */
const UNPAID = `
  unpaid as (
    select t.tx_hash, t.cbor, t.block_height, t.fee_lovelace, coalesce(paid.fee, 0) as paid
      from payout_transactions t
      left join payout_batches b on b.id = t.batch_id
      left join (select tx_hash, sum(fee_share) as fee from payout_attempts group by tx_hash) as paid
        on paid.tx_hash = t.tx_hash
     where ${FEE_OF_ITS_PAYOUTS} <> coalesce(paid.fee, 0))`;
const ATTEMPTS = `
  select p.id, p.status, t.tx_hash, 'attempts', t.paid::text, t.fee_lovelace::text
    from unpaid t
    left join unconfirmed p on ${NAMED_AND_UNKNOWN}`;

/**
 * What a transaction spends says where it is, and so does its change. `inputs`: it stands in a block, and not
 * all that it spends was spent by it there; or in none, and something was. An adopted one spends what isn't ours, too.
 */
const SPENDING = `
  spending as (
    select i.tx_hash, count(*) as inputs, count(w.tx_hash) as known,
           count(*) filter (where w.spent_by = i.tx_hash) as spent,
           count(*) filter (where w.spent_by = i.tx_hash and w.spent_height = t.block_height) as spent_there
      from payout_transactions t
      join payout_transaction_inputs i on i.tx_hash = t.tx_hash
      left join wallet_outputs w on w.tx_hash = i.input_tx_hash and w.output_index = i.input_index
     group by i.tx_hash)`;
const FOUND_OF_INPUTS = `
  (select string_agg(distinct
            case when w.tx_hash is null then 'unknown' when w.spent_by is null then 'unspent'
                 when w.spent_by <> t.tx_hash then 'spent by ' || w.spent_by
                 else coalesce(w.spent_height::text, 'spent in no block') end, ', ')
     from payout_transaction_inputs i
     left join wallet_outputs w on w.tx_hash = i.input_tx_hash and w.output_index = i.input_index
    where i.tx_hash = t.tx_hash)`;
const INPUTS = `
  select a.payout_id, p.status, t.tx_hash, 'inputs', coalesce(t.block_height::text, 'in no block'),
         coalesce(${FOUND_OF_INPUTS}, 'no inputs')
    from payout_transactions t
    left join spending s on s.tx_hash = t.tx_hash
    left join payout_attempts a on a.tx_hash = t.tx_hash
    left join outbound_payments p on p.id = a.payout_id
   where case when t.block_height is null then coalesce(s.spent, 0) > 0
              when t.adopted then coalesce(s.spent_there, 0) = 0 or s.spent_there < s.known
              else coalesce(s.spent_there, 0) = 0 or s.spent_there < s.inputs end`;
const CHANGE = `
  select a.payout_id, p.status, t.tx_hash, 'change', c.amount_lovelace::text,
         coalesce(w.amount_lovelace::text, 'none')
    from payout_change c
    join payout_transactions t on t.tx_hash = c.tx_hash and t.block_height is not null
    left join wallet_outputs w on w.tx_hash = c.tx_hash and w.output_index = c.output_index
    left join payout_attempts a on a.tx_hash = t.tx_hash
    left join outbound_payments p on p.id = a.payout_id
   where w.amount_lovelace is distinct from c.amount_lovelace`;

/**
 * `no_common_input`: two transactions pay it that the ledger could take both. Whatever became of their batches:
 * as long as one of them may still come into a block.
 */
const NO_COMMON_INPUT = `
  select p.id, p.status, p.tx_hash, 'no_common_input', least(ta.tx_hash, tb.tx_hash), greatest(ta.tx_hash, tb.tx_hash)
    from payout_transactions ta
    join payout_attempts a on a.tx_hash = ta.tx_hash
    join payout_attempts b on b.payout_id = a.payout_id and b.tx_hash <> a.tx_hash
    join payout_transactions tb on tb.tx_hash = b.tx_hash
    join outbound_payments p on p.id = a.payout_id
   where ta.block_height is null and ta.tx_hash not in (select tx_hash from dead)
     and (tb.block_height is not null
          or tb.tx_hash > ta.tx_hash and tb.tx_hash not in (select tx_hash from dead))
     and not exists (
       select 1 from payout_transaction_inputs ia
         join payout_transaction_inputs ib using (input_tx_hash, input_index)
        where ia.tx_hash = ta.tx_hash and ib.tx_hash = tb.tx_hash)`;

/** `no_transaction`: an output is kept for a batch, as it is where a transaction spends it, and there is none. */
const NO_TRANSACTION = `
  select p.id, p.status, p.tx_hash, 'no_transaction', 'batch ' || k.batch_id, k.reference
    from kept_for_none k
    left join unconfirmed p on p.batch_id = k.batch_id`;

const UNKNOWN_SPEND = `
  select null, null, u.tx_hash, 'unknown_spend', null, u.height::text from unknown_spends u`;

const EVIDENCE = `
  with recursive ${ALL_OPEN}, ${deadTransactions(DEEP_SLOT, DEEP_HEIGHT)}, ${UNCONFIRMED}, ${UNPAID}, ${SPENDING},
  ${KEPT_FOR_NONE}, ${unknownSpends('-1')}
  select *, count(*) over () as differences
    from (${TOLD} union all ${LEFT} union all ${ATTEMPTS} union all ${INPUTS} union all ${CHANGE} union all ${NO_COMMON_INPUT}
          union all ${NO_TRANSACTION} union all ${UNKNOWN_SPEND}) as found
   order by "payoutId", problem, "txHash" limit $1`;

/** One way in which a payout, or a transaction, isn't what else speaks of it. */
export type PayoutDifference<Problem extends string> = {
  /** Null where it isn't known which payout it is. */
  readonly payoutId: string | null;
  readonly status: string | null;
  readonly txHash: string | null;
  readonly problem: Problem;
  readonly recorded: string | null;
  readonly found: string | null;
};

/** What events, and what the wallet's outputs say of a payout or of a transaction, and their rows don't. */
export type PayoutContradiction = PayoutDifference<
  | 'told_confirmed'
  | 'told_submitted'
  | 'may_land'
  | 'stranded'
  | 'untold'
  | 'attempts'
  | 'inputs'
  | 'change'
  | 'no_common_input'
  | 'no_transaction'
  | 'unknown_spend'
>;

/** @param securityParameter k, in blocks */
export const checkPayoutEvidence = (
  db: Queryable,
  shown: number,
  securityParameter: number,
): Promise<Bounded<PayoutContradiction>> =>
  payoutDifferences(db, EVIDENCE, [shown, securityParameter]);

/** @param statement answers such differences, each with the count of them all */
export async function payoutDifferences<Problem extends string>(
  db: Queryable,
  statement: string,
  values: readonly number[],
): Promise<Bounded<PayoutDifference<Problem>>> {
  type Row = PayoutDifference<Problem> & { readonly differences: string };
  const { rows } = await db.query<Row>(statement, [...values]);
  return bounded(rows);
}
