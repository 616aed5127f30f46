/**
 * The pause of a person that nobody ended, by the audit log; null where there is none. Only people write those entries
 * of all payouts, in the transaction that pauses or resumes. What chain and payer pause for has entries of what it is about.
 */
export const STANDING_PAUSE = `
  (select case a.action when 'payout.paused'
                        then jsonb_build_object(
                               'by', a.actor, 'reason', a.details ->> 'reason',
                               'at', to_char(a.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) end
     from audit_log a
    where a.entity_type = 'payouts' and a.entity_id = 'all' and a.action in ('payout.paused', 'payout.resumed')
    order by a.id desc limit 1)`;

export type StandingPause = {
  readonly by: string;
  readonly reason: string | null;
  readonly at: string;
};
