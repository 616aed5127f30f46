import type { Queryable } from '../../database/transaction.js';

/*
 * Entries without their payment or payout are a difference of the ledger, unless those of a cause add up to nothing
 * in each bucket. Confirming and holding move money from one bucket into another, so they alone never do: some other
 * entry took it out of one of them again. Such entries are seldom, and their causes are looked up.
 */

/** Reasons whose entries come in pairs: one in `available`, the other one not. */
export const MOVES = "reason in ('payment_confirmed', 'payout_held')";
/** Among the entries of any cause that add up to nothing there is one of these, where movements are whole. */
export const TAKES_BACK = `
  case when payout_id is null
       then tx_hash is not null and type = 'debit' and not (bucket = 'pending' and reason = 'payment_confirmed')
       when tx_hash is null and bucket = 'held' then type = 'credit' and reason <> 'payout_held'
       when tx_hash is null and bucket = 'available' then type = 'credit'
       else true end`;

/** As many causes are looked up in less time than all are read in. */
const LOOKED_UP_MAX = 100_000;

// A condition that is a value is a look into an index for each row, whatever the planner thinks of their number. They
// are counted because what exists isn't looked for side by side.
const FEW = `
  select count(*) > 0 as found
    from balance_transactions e
   where ${TAKES_BACK}
     and (tx_hash is not null and (select true from incoming_payments p
                                    where p.tx_hash = e.tx_hash and p.output_index = e.output_index) is null
          or payout_id is not null and (select true from outbound_payments p where p.id = e.payout_id) is null)`;
/**
 * By a hash of the cause, which two causes share as seldom as somebody guesses the number drawn at random: millions
 * of short keys fit into memory. Asks nothing of movements: all that add up to nothing have a debit, and in what a
 * payout took a credit that gives it back.
 */
const MANY = `
  select count(*) > 0 as found
    from (
      select hashtextextended(
               case when payout_id is null then tx_hash when tx_hash is null then payout_id
                    else tx_hash || payout_id end, $1::bigint # coalesce(output_index, -1)::bigint) as cause
        from balance_transactions
       where case when payout_id is null then tx_hash is not null and type = 'debit'
                  when bucket = 'available' then type = 'credit'
                  else type = 'debit' end) as e
   where not exists (
     select from (
       select hashtextextended(tx_hash, $1::bigint # output_index::bigint) as cause from incoming_payments
        union all
       select hashtextextended(id, $1::bigint # (-1)::bigint) from outbound_payments) as c
      where c.cause = e.cause)`;

/** What was seen of the entries when they were added up. */
export type Movements = {
  /** How many entries take back. */
  readonly takenBack: number;
  /** Some movement lacks one of its two entries. */
  readonly isTorn: boolean;
};

/** Whether there may be entries without their payment or payout, though the ledger doesn't differ from these. */
export async function mayHaveOrphans(
  db: Queryable,
  seed: number,
  { takenBack, isTorn }: Movements,
): Promise<boolean> {
  if (takenBack === 0 && !isTorn) return false;
  const areFew = takenBack <= LOOKED_UP_MAX && !isTorn;
  const { rows } = areFew
    ? await db.query<{ found: boolean }>(FEW)
    : await db.query<{ found: boolean }>(MANY, [seed]);
  return rows[0]?.found === true;
}
