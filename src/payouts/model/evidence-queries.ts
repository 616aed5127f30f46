/*
 * What speaks of a payout beside its own row, as parts of statements over `outbound_payments p`. Events are
 * looked for by their keys, one by one: `outbox` has millions of rows, and no plan may read all of them.
 */

/** Rollbacks raise the turn; no payout sees so many. */
const TURNS_MAX = 50;

const told = (type: string): string => `
  (select true from outbox o where o.event_key = '${type}:' || p.id || ':' || turns.turn)`;

/**
 * The key of an event that told of its confirmation, and that no rollback took back; null where there is
 * none. Also of the turn after its own: whoever sets the row back may set back its turn.
 */
export const CONFIRMATION_TOLD = `
  (select 'payout.confirmed:' || p.id || ':' || turns.turn
     from generate_series(0, least(p.turn, ${TURNS_MAX}) + 1) as turns (turn)
    where ${told('payout.confirmed')} and ${told('payout.rolled_back')} is null
    limit 1)`;

/** Whether an event told that transaction `t` pays it, and no attempt says so. */
export const TOLD_AND_UNKNOWN = `
  ((select true from outbox o where o.event_key = 'payout.submitted:' || p.id || ':' || t.tx_hash)
   and not exists (select 1 from payout_attempts a
                    where a.payout_id = p.id and a.tx_hash = t.tx_hash))`;

const SUBMITTED_KEYS = "'payout.submitted:' || p.id || ':'";
/**
 * Above all keys that begin so and end with a hash, whatever the database's collation: where "aa" comes after "z", it is
 * what comes last. A condition of keys in bytes would be served by no index.
 */
const ABOVE_SUBMITTED_KEYS = `greatest(${SUBMITTED_KEYS} || 'g', ${SUBMITTED_KEYS} || repeat('a', 66))`;
/** Joins `lost`: transactions that pay it by an event or by an attempt, and of which there is nothing else. */
export const LOST_TRANSACTIONS = `
    cross join lateral (
      select right(o.event_key, 64) as tx_hash from outbox o
       where o.event_key > ${SUBMITTED_KEYS} and o.event_key < ${ABOVE_SUBMITTED_KEYS}
         and starts_with(o.event_key, ${SUBMITTED_KEYS})
         and not exists (select from payout_transactions t where t.tx_hash = right(o.event_key, 64))
      union
      select a.tx_hash from payout_attempts a
       where a.payout_id = p.id
         and not exists (select from payout_transactions t where t.tx_hash = a.tx_hash)) as lost`;

/**
 * Common table expressions: outputs that the wallet could spend and that are kept for a batch of which no
 * transaction spends them. All of that is written at once, with the transaction, which never goes again.
 */
export const KEPT_FOR_NONE = `
  at_hand as (
    select tx_hash, output_index from wallet_outputs where spent_by is null
    union all
    select c.tx_hash, c.output_index from payout_change c
      join payout_transactions t on t.tx_hash = c.tx_hash and t.block_height is null),
  kept_for_none as (
    select k.batch_id, k.tx_hash || '#' || k.output_index as reference
      from (select r.batch_id, tx_hash, output_index
              from at_hand join wallet_reservations r using (tx_hash, output_index)
            union
            select b.id, o.tx_hash, o.output_index
              from at_hand o
              join payout_batches b on b.anchor_tx_hash = o.tx_hash and b.anchor_index = o.output_index
                                   and b.released_at is null and b.kind = 'payout') as k
     where not exists (select from payout_transaction_inputs i
                         join payout_transactions t on t.tx_hash = i.tx_hash
                        where i.input_tx_hash = k.tx_hash and i.input_index = k.output_index
                          and t.batch_id = k.batch_id))`;

/**
 * Common table expressions: `unknown_spends`, what spent from the hot wallet after the first of our own, isn't known, and
 * was never told of. Whatever a block tells of that isn't ours is adopted or pauses payouts, and stays in the audit log.
 *
 * @param height an expression: what was spent up to there isn't looked at
 */
export const unknownSpends = (height: string): string => `
  unknown_spenders as materialized (
    select w.spent_by as tx_hash, max(w.spent_height) as height
      from sync_state s
      join wallet_outputs w on w.partition_id = s.partition_id and w.spent_height > ${height}
     where not exists (select from payout_transactions t where t.tx_hash = w.spent_by)
     group by w.spent_by),
  unknown_spends as (
    select u.tx_hash, u.height from unknown_spenders u
     where (select true from payout_transactions o
             where not o.adopted and o.block_height <= u.height order by o.block_height desc limit 1)
       and not exists (select from audit_log a
                        where a.entity_type = 'payout_transaction' and a.entity_id = u.tx_hash
                          and (a.action = 'payout.paused' and a.actor = 'chain' or a.action = 'payout.explained')))`;

/** How often payout `p` was accepted since a person explained why that was more than once. A row is made once. */
export const TIMES_ACCEPTED = `
  (select count(*) from audit_log a
    where a.entity_type = 'payout' and a.entity_id = p.id and a.action = 'payout.created'
      and not exists (select from audit_log e
                       where e.entity_type = 'payout' and e.entity_id = p.id and e.action = 'payout.explained'
                         and e.id > a.id))`;

/** Whether the bytes of transaction `t` name it, as its metadata does with all that it pays, and no attempt does. */
export const NAMED_AND_UNKNOWN = `
  (position(decode(p.id, 'hex') in t.cbor) > 0
   and not exists (select 1 from payout_attempts a
                    where a.payout_id = p.id and a.tx_hash = t.tx_hash))`;

/** A common table expression: own transactions that are in no block. */
export const ALL_OPEN = `
  open (tx_hash) as (select tx_hash from payout_transactions where block_height is null)`;

/**
 * The same, but only those that pay some payouts, and those whose outputs they spend: whether they can land
 * depends on no other.
 *
 * @param ids an expression of type text[]
 */
export const openOf = (ids: string): string => `
  open (tx_hash) as (
    select t.tx_hash from payout_attempts a
      join payout_transactions t on t.tx_hash = a.tx_hash and t.block_height is null
     where a.payout_id = any(${ids})
    union
    select m.tx_hash from open
      join payout_transaction_inputs i on i.tx_hash = open.tx_hash
      join payout_transactions m on m.tx_hash = i.input_tx_hash and m.block_height is null)`;

/** Whether a fence spent what transaction `t` of a batch that was let go would spend: as deep as fences are waited for. */
const IS_FENCED = `
  exists (select 1 from payout_transactions f
            join payout_batches fence on fence.id = f.batch_id and fence.kind = 'fence'
            join payout_batches own on own.id = t.batch_id and own.released_at is not null
           where f.tx_hash = w.spent_by)`;

/**
 * A common table expression: of those that are open, those that can't come into any chain that could ever be
 * followed. Their bound is over, or another transaction spent an input, or an input is made by one of these. An
 * input that is nowhere proves nothing: a fork took it, and another one brings it back.
 *
 * @param slot an expression: of the block k below; bounds up to it are over, null: none is
 * @param height an expression: k blocks below; what was spent above it may be unspent again
 */
export const deadTransactions = (slot: string, height: string): string => `
  dead (tx_hash) as (
    select t.tx_hash from open join payout_transactions t on t.tx_hash = open.tx_hash
     where t.invalid_hereafter <= ${slot}
        or exists (
          select 1 from payout_transaction_inputs i
            join wallet_outputs w on w.tx_hash = i.input_tx_hash and w.output_index = i.input_index
           where i.tx_hash = t.tx_hash and w.spent_by <> t.tx_hash
             and (w.spent_height <= ${height} or ${IS_FENCED}))
    union
    select open.tx_hash from dead d
      join payout_transaction_inputs i on i.input_tx_hash = d.tx_hash
      join open on open.tx_hash = i.tx_hash)`;

/** Joins transactions `t` that pay it, are `open`, and aren't `dead`. What was adopted has no bytes here. */
export const MAY_LAND = `
    join payout_attempts a on a.payout_id = p.id
    join payout_transactions t on t.tx_hash = a.tx_hash and t.block_height is null and not t.adopted
                              and t.tx_hash not in (select tx_hash from dead)`;

/**
 * Whether transaction `t` spends the anchor of a batch. Then the ledger takes at most one of it and of all that is
 * signed for that batch, whichever batch it was signed for. Of no batch: it doesn't.
 */
export const spendsAnchorOf = (batch: string): string => `
  exists (select 1 from payout_batches n
            join payout_transaction_inputs i on i.input_tx_hash = n.anchor_tx_hash
                                            and i.input_index = n.anchor_index
           where n.id = ${batch} and i.tx_hash = t.tx_hash)`;

/**
 * What the parts of the fee that a transaction `t` of a batch `b` lays on its payouts add up to: where they
 * don't, it isn't known any more whom it pays.
 */
export const FEE_OF_ITS_PAYOUTS = "(case b.kind when 'payout' then t.fee_lovelace else 0 end)";
