import type { Queryable } from '../../database/transaction.js';
import { type OriginProblem, originProblems } from '../../payouts/model/origin-queries.js';
import type { Bounded } from '../seals/check-queries.js';
import { type PayoutDifference, payoutDifferences } from './payout-evidence-queries.js';

/**
 * Payouts that one pass over the audit log doesn't show to be what they were accepted as: then each is looked at by
 * itself. Most were accepted once, needed nobody else, and weren't ended.
 */
const IN_QUESTION = `
  in_question as materialized (
    select p.* from outbound_payments p
     where not exists (
       select from audit_log a
        where a.entity_type = 'payout' and a.entity_id = p.id and a.action = 'payout.created'
          and a.details ->> 'status' = 'queued'
          and a.details ->> 'destinationAddress' = p.destination_address
          and a.details ->> 'lovelace' = p.amount_lovelace::text
          and a.details -> 'assets' = p.assets
          and a.details ->> 'userId' is not distinct from p.user_id)
    union
    select p.* from outbound_payments p
      join (select entity_id from audit_log
             where entity_type = 'payout'
               and action in ('payout.created', 'payout.claimed', 'payout.cancelled', 'payout.failed')
             group by entity_id having count(*) > 1) as twice on twice.entity_id = p.id)`;
const STRAYED = `
  with ${IN_QUESTION}
  select id as "payoutId", status, tx_hash as "txHash", problem, recorded, found,
         count(*) over () as differences
    from (${originProblems('in_question')}) as found
   order by 1, 4, 5 limit $1`;

export type PayoutStray = PayoutDifference<OriginProblem>;

/** Payouts, whatever became of them, whose rows aren't what the audit log says was asked for, approved and ended. */
export const checkOrigins = (db: Queryable, shown: number): Promise<Bounded<PayoutStray>> =>
  payoutDifferences(db, STRAYED, [shown]);
