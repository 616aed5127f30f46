import { randomInt } from 'node:crypto';
import type { Queryable } from '../../database/transaction.js';
import { TIMES_ACCEPTED } from '../../payouts/model/evidence-queries.js';
import { type OriginProblem, originProblems } from '../../payouts/model/origin-queries.js';
import type { Bounded } from '../seals/check-queries.js';
import { SEED_MAX } from './books-queries.js';
import { type PayoutDifference, payoutDifferences } from './payout-evidence-queries.js';

/**
 * One number for what was asked for, which two payouts share as seldom as somebody guesses the number drawn at
 * random; each text by itself, so that none ends where another one begins.
 */
const asked = (
  id: string,
  lovelace: string,
  assets: string,
  destination: string,
  user: string,
): string => {
  const known = [id, lovelace, assets, destination].reduce(
    (seed, text) => `hashtextextended(${text}, ${seed})`,
    '$2::bigint',
  );
  return `coalesce(hashtextextended(${user}, ${known}), ~${known})`;
};
const AS_ROWS_SAY = asked(
  'id',
  'amount_lovelace::text',
  'assets::text',
  'destination_address',
  'user_id',
);
const AS_ACCEPTED = asked(
  'entity_id',
  "details ->> 'lovelace'",
  "details ->> 'assets'",
  "details ->> 'destinationAddress'",
  "details ->> 'userId'",
);
/**
 * Payouts that one pass over the audit log doesn't show to be what they were accepted as: then each is looked at by
 * itself. Most were accepted once, needed nobody else, weren't ended, and say so.
 */
const SAYS_MORE = "status in ('awaiting_approval', 'failed', 'cancelled')";
const IN_QUESTION = `
  suspected as materialized (
    select coalesce(p.id, a.id) as id
      from (select id, case when not ${SAYS_MORE} then ${AS_ROWS_SAY} end as asked from outbound_payments) as p
      full join (
        select entity_id as id, case details ->> 'status' when 'queued' then ${AS_ACCEPTED} end as asked
          from audit_log where entity_type = 'payout' and action = 'payout.created') as a using (asked)
     where p.id is null or a.id is null
    union
    select entity_id from audit_log
     where entity_type = 'payout' and action in ('payout.claimed', 'payout.cancelled', 'payout.failed')),
  in_question as materialized (
    select * from outbound_payments where id in (select id from suspected))`;

/** Whoever accepts makes the row with the audit entry, and no row is ever deleted. */
const NO_ROW = `
  select s.id, null, null, 'no_row', null, origin.action || ' by ' || origin.actor
    from suspected s
    left join outbound_payments p on p.id = s.id
   cross join lateral (
     select a.action, a.actor from audit_log a
      where a.entity_type = 'payout' and a.entity_id = s.id and a.action in ('payout.created', 'payout.claimed')
      order by a.id limit 1) as origin
   where p.id is null
     and not exists (select from audit_log e
                      where e.entity_type = 'payout' and e.entity_id = s.id and e.action = 'payout.explained')`;
/** Nothing of that: every row that wasn't adopted has one entry. See `books-queries.ts` of such sums. */
const EACH_ACCEPTED_ONCE = `
  (select sum(hashtextextended(id, $2::bigint)) from outbound_payments where not adopted)
  is not distinct from
  (select sum(hashtextextended(entity_id, $2::bigint)) from audit_log
    where entity_type = 'payout' and action = 'payout.created')`;
const ACCEPTED_TWICE = `
  select p.id, p.status, p.tx_hash, 'accepted_twice', p.status, ${TIMES_ACCEPTED}::text
    from (select entity_id as id from audit_log
           where entity_type = 'payout' and action = 'payout.created' and not (${EACH_ACCEPTED_ONCE})
           group by entity_id having count(*) > 1) as twice
    join outbound_payments p using (id)
   where ${TIMES_ACCEPTED} > 1`;

const STRAYED = `
  with ${IN_QUESTION}
  select id as "payoutId", status, tx_hash as "txHash", problem, recorded, found,
         count(*) over () as differences
    from (${originProblems('in_question')} union all ${NO_ROW} union all ${ACCEPTED_TWICE}) as found
   order by 1, 4, 5 limit $1`;

/** `no_row`: it was accepted, and its row is gone. `accepted_twice`: so, and another one was made. */
export type PayoutStray = PayoutDifference<OriginProblem | 'no_row' | 'accepted_twice'>;

/** Payouts, whatever became of them, whose rows aren't what the audit log says was asked for, approved and ended. */
export const checkOrigins = (db: Queryable, shown: number): Promise<Bounded<PayoutStray>> =>
  payoutDifferences(db, STRAYED, [shown, randomInt(SEED_MAX)]);
