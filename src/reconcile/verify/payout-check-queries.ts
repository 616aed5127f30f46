import { randomInt } from 'node:crypto';
import { SECURITY_PARAMETER_BLOCKS } from '../../chain/point.js';
import type { Queryable } from '../../database/transaction.js';
import type { Bounded } from '../seals/check-queries.js';
import { SEED_MAX } from './books-queries.js';
import { bounded } from './bounded.js';
import {
  checkPayoutEvidence,
  type PayoutContradiction,
  type PayoutDifference,
  payoutDifferences,
} from './payout-evidence-queries.js';
import { checkOrigins, type PayoutStray } from './payout-origin-queries.js';

const HELD = `
  with owed as (
    select user_id, unit, sum(amount) as amount
      from (
        select user_id, 'lovelace' as unit, amount_lovelace + held_fee as amount
          from outbound_payments
         where booked and user_id is not null and status <> 'confirmed'
        union all
        select user_id, asset.key,
               case when asset.value ~ '^[0-9]{1,30}$' then asset.value::numeric else 0 end
          from outbound_payments, jsonb_each_text(assets) as asset
         where booked and user_id is not null and status <> 'confirmed' and assets <> '{}'
        union all
        select user_id, unit, case type when 'credit' then amount else -amount end
          from balance_transactions
         where bucket = 'held' and tx_hash is null and payout_id is null) as holds
     group by user_id, unit)
  select user_id as "userId", unit, coalesce(b.held, 0)::text as held,
         coalesce(owed.amount, 0)::text as "openPayouts", count(*) over () as differences
    from (select user_id, unit, held from user_balances where held <> 0) as b
    full join owed using (user_id, unit)
   where coalesce(b.held, 0) <> coalesce(owed.amount, 0)
   order by user_id, unit limit $1`;

/** What is held of a user isn't what their open payouts (and what people entered by hand) hold. */
export type HeldMismatch = {
  readonly userId: string;
  readonly unit: string;
  readonly held: string;
  readonly openPayouts: string;
};

export async function checkHeld(db: Queryable, shown: number): Promise<Bounded<HeldMismatch>> {
  const { rows } = await db.query<HeldMismatch & { differences: string }>(HELD, [shown]);
  return bounded(rows);
}

const IS_MISBOOKED = "booked <> (user_id is not null and status not in ('failed', 'cancelled'))";
/**
 * `not_in_block`: in a block, it says, and its transaction is in none or doesn't pay it. `unnoticed`: a
 * transaction that pays it is in a block, and it isn't. `paid_twice`: so are two that pay it. `booked`:
 * the ledger should hold it and it says otherwise, or the other way round. `confirmed_at`: so with its time.
 */
const IS_MISDATED = "(status = 'confirmed') <> (confirmed_at is not null)";
const STANDING = `
  select *, count(*) over () as differences from (
    select p.id as "payoutId", p.status, p.tx_hash as "txHash",
           case when t.block_height is null then 'not_in_block'
                when p.block_height is distinct from t.block_height then 'block_height'
                else 'fee' end as problem,
           case when t.block_height is null then p.status
                when p.block_height is distinct from t.block_height then p.block_height::text
                else p.fee_lovelace::text end as recorded,
           case when t.tx_hash is null then 'no transaction'
                when t.block_height is null then 'in no block'
                when p.block_height is distinct from t.block_height then t.block_height::text
                else a.fee_share::text end as found
      from outbound_payments p
      left join payout_attempts a on a.payout_id = p.id and a.tx_hash = p.tx_hash
      left join payout_transactions t on t.tx_hash = a.tx_hash
     where p.status in ('in_block', 'confirmed')
       and (t.block_height is null or p.block_height is distinct from t.block_height
            or p.fee_lovelace is distinct from a.fee_share)
    union all
    select p.id, p.status, p.tx_hash,
           case when p.status in ('in_block', 'confirmed') then 'paid_twice' else 'unnoticed' end,
           case when p.status in ('in_block', 'confirmed') then p.tx_hash else p.status end, t.tx_hash
      from payout_transactions t
      join payout_attempts a on a.tx_hash = t.tx_hash
      join outbound_payments p on p.id = a.payout_id
     where t.block_height is not null
       and (p.status not in ('in_block', 'confirmed') or p.tx_hash is distinct from t.tx_hash)
    union all
    select id, status, tx_hash, 'booked', booked::text, (not booked)::text
      from outbound_payments
     where ${IS_MISBOOKED}
    union all
    select id, status, tx_hash, 'confirmed_at', status, coalesce(confirmed_at::text, 'never')
      from outbound_payments
     where ${IS_MISDATED}) as found
   order by "payoutId", problem limit $1`;

/** One number for what is paid by whom and where; see `books-queries.ts` of such numbers, and of their sums. */
const paid = (id: string, txHash: string, height: string, fee: string): string =>
  `hashtextextended(${fee}::text, hashtextextended(${txHash}, hashtextextended(${id}, $1::bigint) # ${height}))`;
/** Nothing of that: what transactions in blocks pay, and all that says to be in a block, is the same. */
const SOUND = `
  select p.settled = t.settled and p.paid is not distinct from t.paid and p.odd = 0 as sound
    from (select count(*) filter (where status in ('in_block', 'confirmed')) as settled,
                 sum(${paid('id', 'tx_hash', 'block_height', 'fee_lovelace')})
                   filter (where status in ('in_block', 'confirmed')) as paid,
                 count(*) filter (where ${IS_MISBOOKED} or ${IS_MISDATED}) as odd
            from outbound_payments) as p,
         (select count(*) as settled, sum(${paid('a.payout_id', 't.tx_hash', 't.block_height', 'a.fee_share')}) as paid
            from payout_transactions t
            join payout_attempts a on a.tx_hash = t.tx_hash
           where t.block_height is not null) as t`;

type StandingMismatch = PayoutDifference<
  'not_in_block' | 'block_height' | 'fee' | 'unnoticed' | 'paid_twice' | 'booked' | 'confirmed_at'
>;

/** A payout that isn't what its transactions, its own columns, events, the wallet's outputs or the audit log say. */
export type PayoutMismatch = StandingMismatch | PayoutContradiction | PayoutStray;

export async function checkPayouts(
  db: Queryable,
  shown: number,
  securityParameter: number = SECURITY_PARAMETER_BLOCKS,
): Promise<Bounded<PayoutMismatch>> {
  const standing = await checkStanding(db, shown);
  const evidence = await checkPayoutEvidence(db, shown, securityParameter);
  const origins = await checkOrigins(db, shown);
  return {
    count: standing.count + evidence.count + origins.count,
    shown: [...standing.shown, ...evidence.shown, ...origins.shown].slice(0, shown),
  };
}

async function checkStanding(db: Queryable, shown: number): Promise<Bounded<StandingMismatch>> {
  const [summary] = (await db.query<{ sound: boolean }>(SOUND, [randomInt(SEED_MAX)])).rows;
  if (summary?.sound === true) return { count: 0, shown: [] };
  return payoutDifferences(db, STANDING, [shown]);
}
