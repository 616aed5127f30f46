import type { Queryable } from '../../database/transaction.js';
import { heightIn, REGISTERED } from '../../payments/registration-audit.js';
import type { Beginning } from './disputes.js';

// An address counts from where the cursor stood when it was registered, and from no higher than any rollback since. No
// verb takes it out of the books: of registrations that gave it to the same user one after the other the first holds,
// whatever a version said of the others that didn't look for it.
const DATED = `${REGISTERED} and l.entity_id = odd.address and (${heightIn('watchedFrom')}) is not null`;
const REGISTERED_FROM = `
  select min(l.id) as id, min(${heightIn('watchedFrom')}) as height from audit_log l
   where ${DATED}
     and l.id > coalesce((
           select max(l.id) from audit_log l
            where ${DATED}
              and l.details ->> 'userId' is distinct from (
                    select l.details ->> 'userId' from audit_log l where ${DATED} order by l.id desc limit 1)), 0)`;
const LOWERED_TO = `
  select l.id, null::text as address, null::bigint as height, ${heightIn('height')} as lowered
    from audit_log l
   where l.entity_type = 'partition' and l.entity_id = $1::int::text
     and l.action = 'addresses.watched_from_lowered' and l.id > (select min(id) from begun)`;
const AUDITED_PAST = `
  select l.id, l.details ->> 'backfill' = 'true' as wanted from audit_log l
   where ${REGISTERED} and l.entity_id = begun.address and l.details ? 'backfill'
     and l.id >= coalesce(begun.registered, 0)
   order by case when begun.registered is null then -l.id else l.id end limit 1`;
const REQUESTED_SINCE = `
  exists (select from audit_log l
           where l.entity_type = 'payment_address' and l.entity_id = begun.address
             and l.action = 'address.backfill_requested' and l.id > b.id)`;

// A leader of the version before lowers without an entry. That blocks above were followed all the same is proven by
// payments in them, and by a question for an address that was registered by then: nobody asks from further back.
const ASKED = `
  select ${heightIn('height')} as height, max(l.id) as last from audit_log l
   where l.entity_type = 'block' and l.action = 'addresses.backfilled' group by 1`;
const FOLLOWED_FROM = `
  greatest(a.watched_from, least(
    begun.lowest,
    case when asked.last > begun.registered then asked.height end,
    (select min(p.block_height) - 1 from incoming_payments p
      where p.address = a.address and p.partition_id = $1)))`;

// All against all in one pass; what a rollback lowered, or was asked for later, is among the odd ones too.
const ODD = (among: string): string => `
  select a.address
    from audit_log l
    join payment_addresses a on a.address = l.entity_id
   where ${REGISTERED} and a.partition_id = $1 ${among}
     and (l.details ? 'watchedFrom' and coalesce(to_jsonb(a.watched_from), 'null') <> l.details -> 'watchedFrom'
          or l.details ? 'backfill' and to_jsonb(a.backfill) <> l.details -> 'backfill')`;
// What was lowered since is the least of what follows: in one pass, for there may be many of both.
/**
 * Addresses that begin to count elsewhere than the audit log says; nothing of those whose registration says
 * nothing of it. `$1` is the partition.
 *
 * @param among SQL that narrows the registrations `l`
 */
export const MISBEGUN = (among: string): string => `
  with odd as materialized (select distinct address from (${ODD(among)}) o), begun as materialized (
    select odd.address, f.id, f.height from odd left join lateral (${REGISTERED_FROM}) f on true
  ), audited as materialized (
    select address, id as registered, least(height, min(lowered) over (order by id desc)) as lowest, height
      from (select id, address, height, null::bigint as lowered from begun
            union all ${LOWERED_TO}) as entry
  ), asked as materialized (${ASKED}), said as (
    select a.address, a.watched_from as "watchedFrom", a.backfill,
           case when begun.height is null then a.watched_from
                when a.watched_from < begun.lowest then ${FOLLOWED_FROM}
                else begun.lowest end as "auditedFrom",
           coalesce(b.wanted or ${REQUESTED_SINCE}, a.backfill) as "auditedBackfill"
      from audited as begun
      join payment_addresses a on a.address = begun.address
      left join asked on asked.height = a.backfilled_height
      left join lateral (${AUDITED_PAST}) as b on true
  )
  select * from said
   where "watchedFrom" is distinct from "auditedFrom" or backfill <> "auditedBackfill"`;

/** `$2`: addresses, or null for all. */
export const AMONG_GIVEN = 'and ($2::text[] is null or l.entity_id = any($2))';

// No ledger is asked for the past of an address before it is watched.
const UNASKED = `
  select a.address, a.watched_from as "watchedFrom", a.backfill, a.watched_from as "auditedFrom",
         a.backfill as "auditedBackfill", a.backfilled_height as "askedAt"
    from payment_addresses a
   where a.partition_id = $1 and a.backfilled_height < a.watched_from
     and ($2::text[] is null or a.address = any($2))`;
const ALL = `
  select * from (select *, null::bigint as "askedAt" from (${MISBEGUN(AMONG_GIVEN)}) m
                 union all ${UNASKED}) as wrong order by address, "askedAt" nulls first limit $3`;

/** More than anybody reads. */
const SHOWN_MAX = 100_000;

/** @param addresses those to look at; null for all */
export async function readBeginnings(
  db: Queryable,
  partitionId: number,
  addresses: readonly string[] | null,
): Promise<readonly Beginning[]> {
  const { rows } = await db.query<Beginning>(ALL, [partitionId, addresses, SHOWN_MAX]);
  return rows;
}
