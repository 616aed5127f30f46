import type { Queryable } from '../../database/transaction.js';
import { MOVES, TAKES_BACK } from './balanced-orphans.js';
import { IS_UNFOUNDED } from './ledger-queries.js';

/*
 * Millions of entries are compared as one sum for each unit, to which balances, payments and payouts bring what
 * they expect with the opposite sign. Every amount counts with a weight that a number drawn at random and its keys
 * give it: one of user and bucket, in which entries and balances agree, and one of the cause besides, in which
 * entries and their payments or payouts agree. A sum that is nothing by chance is as likely as guessing that
 * number, whoever edited the rows before it was drawn. That reads each table once and needs no table of a million
 * groups; who the difference belongs to is asked for only where there is one. What isn't finite differs from
 * everything. Half of a weight each, so that two of them add up.
 */

const weight = (user: string, bucket: string): string =>
  `hashtextextended(${user}, hashtextextended(${bucket}, $1::bigint))`;
const caused = (cause: string, place: string, byUser: string): string =>
  `(hashtextextended(${cause}, ${byUser} # ${place}) >> 1)`;
const ofPayment = (bucket: string): string =>
  caused('tx_hash', 'output_index::bigint', weight('user_id', bucket));
const ofPayout = (bucket: string): string =>
  caused('id', '(-1)::bigint', weight('user_id', bucket));

const BUCKET = "case status when 'pending' then 'pending' else 'available' end";
/** What isn't a number of this size is no amount: reconciliation finds it, a sum must not fail of it. */
export const QUANTITY =
  "case when asset.value ~ '^[0-9]{1,30}$' then asset.value::numeric else 0::numeric end";
const IS_BOOKED = "status in ('pending', 'confirmed')";
/** Outputs count that a block made, or that a ledger told of. */
const IS_THERE = 'spent_by is null and (block_height is not null or counted_from is not null)';
const IS_OWED = 'booked and user_id is not null';
export const IN_FLIGHT = `status = 'in_block' and ${IS_OWED}`;
const TAKEN = `
  case status when 'confirmed' then amount_lovelace + least(fee_lovelace, held_fee)
              else amount_lovelace + held_fee end`;
const HELD = "case status when 'confirmed' then 0 else amount_lovelace + held_fee end";

const SIGNED = "case type when 'credit' then amount else -amount end";
// Without "offset 0" the weights would be made more than once. The sign is the weight's: that is quicker than
// that of an amount.
const entriesBy = (byUser: string): string => `
  select unit, count(*) as entries, 0 as balances, 0 as total,
         sum(${SIGNED}) filter (where cause is null) as manual,
         count(*) filter (where cause is null) as manual_entries,
         0 as expected, 0 as deposits, 0 as hot, 0 as in_flight,
         sum(amount * case type when 'credit' then half else -half end) as weighted,
         count(*) filter (where takes_back) as taken_back, sum(moved) as moved
    from (
      select unit, type, amount, cause, takes_back, moved,
             ${byUser} + case when cause is null then 0 else ${caused('cause', 'place', 'by_user')} end as half
        from (
          select unit, type, amount, cause, place, takes_back,
                 ${weight('user_id', 'bucket')} as by_user,
                 case when moves then (hashtextextended(cause, $1::bigint # place) >> 1)
                                      * case bucket when 'available' then 1 else -1 end end as moved
            from (
              select unit, type, amount, user_id, bucket, ${MOVES} as moves, ${TAKES_BACK} as takes_back,
                     case when payout_id is null then tx_hash when tx_hash is null then payout_id
                          else tx_hash || payout_id end as cause,
                     coalesce(output_index, -1)::bigint as place
                from balance_transactions) as entries offset 0) as entries) as entries
   group by unit`;
const BALANCES = `
  select unit, 0, count(*), sum(available + held + pending), 0, 0, 0, 0, 0, 0,
         -sum(available * (${weight('user_id', "'available'")} >> 1)
              + case held when 0 then 0 else held * (${weight('user_id', "'held'")} >> 1) end
              + case pending when 0 then 0 else pending * (${weight('user_id', "'pending'")} >> 1) end), 0, 0
    from user_balances group by unit`;
const PAYMENTS = `
  select 'lovelace', 0, 0, 0, 0, 0, sum(amount_lovelace) filter (where ${IS_BOOKED}),
         sum(amount_lovelace) filter (where status <> 'rolled_back' and ${IS_THERE}), 0, 0,
         -sum(amount_lovelace * ${ofPayment(BUCKET)}) filter (where ${IS_BOOKED}), 0, 0
    from incoming_payments
  union all
  select asset.key, 0, 0, 0, 0, 0, sum(${QUANTITY}) filter (where ${IS_BOOKED}),
         sum(${QUANTITY}) filter (where status <> 'rolled_back' and ${IS_THERE}), 0, 0,
         -sum(${QUANTITY} * ${ofPayment(BUCKET)}) filter (where ${IS_BOOKED}), 0, 0
    from incoming_payments, jsonb_each_text(assets) as asset where assets <> '{}' group by asset.key`;
const WALLET = `
  select 'lovelace', 0, 0, 0, 0, 0, 0, 0, sum(amount_lovelace), 0, 0, 0, 0
    from wallet_outputs where ${IS_THERE}
  union all
  select asset.key, 0, 0, 0, 0, 0, 0, 0, sum(${QUANTITY}), 0, 0, 0, 0
    from wallet_outputs, jsonb_each_text(assets) as asset
   where ${IS_THERE} and assets <> '{}' group by asset.key`;
const PAYOUTS = `
  select 'lovelace', 0, 0, 0, 0, 0, sum(${HELD} - ${TAKEN}), 0, 0,
         sum(amount_lovelace + least(fee_lovelace, held_fee)) filter (where ${IN_FLIGHT}),
         sum(${TAKEN} * ${ofPayout("'available'")}
             - case status when 'confirmed' then 0 else (${HELD}) * ${ofPayout("'held'")} end), 0, 0
    from outbound_payments where ${IS_OWED}
  union all
  select asset.key, 0, 0, 0, 0, 0,
         sum(case status when 'confirmed' then -(${QUANTITY}) else 0 end), 0, 0,
         sum(${QUANTITY}) filter (where ${IN_FLIGHT}),
         sum(${QUANTITY} * (${ofPayout("'available'")}
             - case status when 'confirmed' then 0 else ${ofPayout("'held'")} end)), 0, 0
    from outbound_payments, jsonb_each_text(assets) as asset
   where ${IS_OWED} and assets <> '{}' group by asset.key`;

const BOOKS = `
  select unit, sum(entries)::text as entries, sum(balances)::text as balances,
         coalesce(sum(total), 0)::text as total, coalesce(sum(manual), 0)::text as manual,
         sum(manual_entries)::text as "manualEntries",
         coalesce(sum(expected), 0)::text as expected, coalesce(sum(deposits), 0)::text as deposits,
         coalesce(sum(hot), 0)::text as "hotWallet", coalesce(sum(in_flight), 0)::text as "inFlight",
         coalesce(sum(weighted), 0) <> 0 as differs,
         sum(taken_back)::text as "takenBack", coalesce(sum(moved), 0) <> 0 as "isTorn"
    from (${entriesBy('(by_user >> 1)')} union all ${BALANCES} union all ${PAYMENTS} union all ${WALLET} union all ${PAYOUTS}
    ) as parts
   group by unit`;

/** Without the balances. */
const LEDGER = `
  select coalesce(bool_or(differs), false) as differs
    from (select coalesce(sum(weighted), 0) <> 0 as differs
            from (${entriesBy('0')} union all ${PAYMENTS} union all ${PAYOUTS}) as parts group by unit) as units`;

/** All there is of one unit, as decimal strings. */
export type UnitBooks = {
  readonly unit: string;
  /** How many there are. */
  readonly entries: string;
  readonly balances: string;
  /** What users have, less what those below zero owe. */
  readonly total: string;
  /** What people entered by hand, and how many entries that is. */
  readonly manual: string;
  readonly manualEntries: string;
  /** How many entries neither name a payment or payout nor are people's. */
  readonly unfounded: string;
  /** What payments and payouts make of users' money. */
  readonly expected: string;
  readonly deposits: string;
  readonly hotWallet: string;
  /** Left the wallet in a block, and is held of its user until that block is deep enough. */
  readonly inFlight: string;
  /** Some entry isn't what its balance, its payment or its payout is. */
  readonly differs: boolean;
  /** How many entries take back what others moved. */
  readonly takenBack: string;
  /** Of some movement from one bucket to another only one side is there. */
  readonly isTorn: boolean;
};

/** The number drawn at random is less than that. */
export const SEED_MAX = 2 ** 48 - 1;

// Of entries that name no cause there are none, or few: which of them are people's isn't asked of all.
const CAUSELESS = `
  select unit, coalesce(sum(${SIGNED}) filter (where not (${IS_UNFOUNDED})), 0)::text as manual,
         (count(*) filter (where not (${IS_UNFOUNDED})))::text as "manualEntries",
         (count(*) filter (where ${IS_UNFOUNDED}))::text as unfounded
    from balance_transactions where tx_hash is null and payout_id is null group by unit`;

type Causeless = Pick<UnitBooks, 'unit' | 'manual' | 'manualEntries' | 'unfounded'>;

export async function readBooks(db: Queryable, seed: number): Promise<readonly UnitBooks[]> {
  const { rows } = await db.query<Omit<UnitBooks, 'unfounded'>>(BOOKS, [seed]);
  const hasCauseless = rows.some((unit) => unit.manualEntries !== '0');
  const causeless = hasCauseless ? (await db.query<Causeless>(CAUSELESS)).rows : [];
  const byUnit = new Map(causeless.map((unit) => [unit.unit, unit]));
  return rows.map((unit) => ({ ...unit, unfounded: '0', ...byUnit.get(unit.unit) }));
}

/** Whether any entry isn't what its payment or payout is, whatever balances say. */
export const ledgerDiffers = async (db: Queryable, seed: number): Promise<boolean> =>
  (await db.query<{ differs: boolean }>(LEDGER, [seed])).rows[0]?.differs === true;
