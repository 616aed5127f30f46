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

/**
 * A common table expression: own transactions that are in no block and can't come into one. Their bound
 * is over, or an input was spent by another transaction, is nowhere, or is made by one of these.
 *
 * @param slot an expression; bounds up to it are over, null: none is
 */
export const deadTransactions = (slot: string): string => `
  dead (tx_hash) as (
    select t.tx_hash from payout_transactions t
     where t.block_height is null
       and (t.invalid_hereafter <= ${slot}
            or exists (
              select 1 from payout_transaction_inputs i
                left join wallet_outputs w on w.tx_hash = i.input_tx_hash
                                          and w.output_index = i.input_index
               where i.tx_hash = t.tx_hash
                 and (w.spent_by <> t.tx_hash
                      or w.tx_hash is null and not exists (
                        select 1 from payout_transactions m
                         where m.tx_hash = i.input_tx_hash and m.block_height is null))))
    union
    select t.tx_hash from dead d
      join payout_transaction_inputs i on i.input_tx_hash = d.tx_hash
      join payout_transactions t on t.tx_hash = i.tx_hash and t.block_height is null)`;

/**
 * Whether the parts of the fee that a transaction `t` of a batch `b` lays on its payouts add up to it:
 * where they don't, it isn't known any more whom it pays.
 */
export const PAYS_ALL_ITS_FEE = `
  (select coalesce(sum(s.fee_share), 0) from payout_attempts s where s.tx_hash = t.tx_hash)
    = case b.kind when 'payout' then t.fee_lovelace else 0 end`;
