import type { Queryable } from '../../database/transaction.js';

/*
 * What a payout's row must be, by what was written elsewhere when people asked for it, approved and ended it, and
 * when the chain told of it. A row alone is no reason to sign: whoever writes to the database can write one.
 */

/**
 * What the audit log has of payout `p`: the first that was said of who asked for it, because what is sealed comes
 * before whatever is appended later; and the last that the chain told of what was paid, which is what left the
 * wallet, whatever had been asked for.
 */
const ORIGIN = `
  left join lateral (
    select a.id, a.action, a.actor, a.details from audit_log a
     where a.entity_type = 'payout' and a.entity_id = p.id
       and a.action in ('payout.created', 'payout.claimed')
     order by a.id limit 1) as origin on true
  left join lateral (
    select a.id, a.details from audit_log a
     where a.entity_type = 'payout' and a.entity_id = p.id and a.action = 'payout.adopted'
     order by a.id desc limit 1) as paid on true
  left join lateral (
    select a.id, a.action, a.actor from audit_log a
     where a.entity_type = 'payout' and a.entity_id = p.id
       and a.action in ('payout.cancelled', 'payout.failed')
     order by a.id desc limit 1) as ending on true
  cross join lateral (select coalesce(paid.details, origin.details) as details) as known`;

const IS_APPROVED = `
  exists (select 1 from audit_log v
           where v.entity_type = 'payout' and v.entity_id = p.id and v.action = 'payout.approved'
             and v.id > origin.id and v.actor <> origin.actor
             and v.details ->> 'lovelace' = origin.details ->> 'lovelace')`;

/** What the chain paid all the same goes on, as what it is. */
const WAS_PAID_AFTER_END = `
  exists (select 1 from audit_log v
           where v.entity_type = 'payout' and v.entity_id = p.id and v.id > ending.id
             and v.action in ('payout.paid_after_end', 'payout.adopted'))`;

const IS_ENDED = `(ending.id is not null and not ${WAS_PAID_AFTER_END})`;
const LAST_SAID = `
  (select a.action || ' by ' || a.actor from audit_log a
    where a.entity_type = 'payout' and a.entity_id = p.id order by a.id desc limit 1)`;

/**
 * A row for each way in which payouts aren't what they were accepted as. A payout that the chain told of needs no
 * approval: it was signed by a database that had it.
 *
 * @param payouts a relation with the columns of `outbound_payments`
 */
export const originProblems = (payouts: string): string => `
  select p.id, p.status, p.tx_hash, found.problem, found.recorded, found.found
    from ${payouts} p ${ORIGIN}
   cross join lateral (
     select 'not_accepted' as problem, p.status as recorded, null::text as found
      where known.details is null
     union all
     select 'not_as_accepted', f.name || ' ' || f.recorded, f.name || ' ' || coalesce(f.accepted, 'none')
       from (values
         ('destinationAddress', p.destination_address, known.details ->> 'destinationAddress'),
         ('amountLovelace', p.amount_lovelace::text, known.details ->> 'lovelace'),
         ('assets', p.assets::text, (known.details -> 'assets')::text),
         ('userId', coalesce(to_jsonb(p.user_id)::text, 'null'),
          coalesce((origin.details -> 'userId')::text, 'null'))) as f (name, recorded, accepted)
      where known.details is not null and f.recorded is distinct from f.accepted
     union all
     select 'not_approved', p.status, 'awaiting_approval'
      where origin.action = 'payout.created' and origin.details ->> 'status' = 'awaiting_approval'
        and paid.id is null and p.status not in ('awaiting_approval', 'failed', 'cancelled')
        and not ${IS_APPROVED}
     union all
     select 'not_awaiting', p.status, ${LAST_SAID}
      where p.status = 'awaiting_approval' and known.details is not null
        and (paid.id is not null or origin.action <> 'payout.created'
             or origin.details ->> 'status' <> 'awaiting_approval' or ${IS_APPROVED})
     union all
     select 'ended', p.status, ending.action || ' by ' || ending.actor
      where ${IS_ENDED} and ending.action <> 'payout.' || p.status
     union all
     select 'not_ended', p.status, ${LAST_SAID}
      where p.status in ('failed', 'cancelled') and known.details is not null and not ${IS_ENDED}) as found`;

/** Where what the ledger holds for payouts that aren't paid isn't what they take of their users. */
const HOLD_PROBLEMS = `
  select p.id, p.status, p.tx_hash, 'not_held' as problem,
         h.wanted || ' ' || h.unit || ' of user ' || h.user_id as recorded, h.held::text as found
    from asked p
   cross join lateral (
     select user_id, unit, sum(wanted) as wanted, sum(held) as held
       from (select p.user_id, 'lovelace' as unit, p.amount_lovelace + p.held_fee as wanted, 0::numeric as held
              where p.user_id is not null
             union all
             select p.user_id, asset.key,
                    case when asset.value ~ '^[0-9]{1,30}$' then asset.value::numeric else 'NaN' end, 0
               from jsonb_each_text(p.assets) as asset where p.user_id is not null
             union all
             select b.user_id, b.unit, 0, case b.type when 'credit' then b.amount else -b.amount end
               from balance_transactions b where b.payout_id = p.id and b.bucket = 'held') as legs
      group by user_id, unit having sum(wanted) <> sum(held)) as h`;

const PROBLEMS = `
  with asked as (select * from outbound_payments where id = any($1::text[]))
  select id as "payoutId", problem, recorded, found from (${originProblems('asked')}) as origin
  union all
  select id, problem, recorded, found from (${HOLD_PROBLEMS}) as holds
   order by 1, 2, 3`;

/**
 * `not_accepted`: nobody was ever known to ask for it. `not_as_accepted`: it was asked for otherwise.
 * `not_approved`: it needs a second person, and none approved it. `not_awaiting`: it says to need one, and needs none or
 * had one. `ended`: it was cancelled or failed, and says otherwise. `not_ended`: it says so, and nobody ended it.
 */
export type OriginProblem =
  | 'not_accepted'
  | 'not_as_accepted'
  | 'not_approved'
  | 'not_awaiting'
  | 'ended'
  | 'not_ended';

type Found = {
  readonly payoutId: string;
  readonly problem: OriginProblem | 'not_held';
  readonly recorded: string;
  readonly found: string | null;
};

/** Why payouts that are to be signed, or given back, aren't what was asked for; in words. */
export async function strayedFromOrigin(
  db: Queryable,
  payoutIds: readonly string[],
): Promise<{ readonly payoutId: string; readonly why: string }[]> {
  const { rows } = await db.query<Found>(PROBLEMS, [payoutIds]);
  return rows.map((row) => ({ payoutId: row.payoutId, why: inWords(row) }));
}

function inWords({ problem, recorded, found }: Found): string {
  switch (problem) {
    case 'not_accepted':
      return 'nothing in the audit log says that it was ever asked for';
    case 'not_as_accepted':
      return `it says ${recorded}, and was accepted with ${found}`;
    case 'not_approved':
      return `it says ${recorded}, and nobody approved it`;
    case 'not_awaiting':
      return `it says ${recorded}, and isn't to be approved: ${found} came last`;
    case 'not_ended':
      return `it says ${recorded}, and nobody ended it: ${found} came last`;
    case 'ended':
      return `it says ${recorded}, and was ended: ${found}`;
    case 'not_held':
      return `it takes ${recorded}, for which the ledger holds ${found} for it`;
  }
}
