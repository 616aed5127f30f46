/** Whether the entries of the payment that a relation names add up to nothing, for each user, unit and bucket. */
export const addsUpToNothing = (of: string): string => `
  not exists (select from balance_transactions s
               where s.tx_hash = ${of}.tx_hash and s.output_index = ${of}.output_index
               group by s.user_id, s.unit, s.bucket
              having sum(case s.type when 'credit' then s.amount else -s.amount end) <> 0)`;

/**
 * Whether nothing is left to be done about entries of a payment that has no row: a repair or rebuild found that the
 * chain lacks it, that nobody was ever told of it, and that its entries add up to nothing, as they still do.
 */
export const isSettled = (of: string): string => `
  exists (select from audit_log l
           where l.entity_type = 'payment' and l.entity_id = ${of}.tx_hash || '#' || ${of}.output_index
             and l.action = 'ledger.settled')
  and ${addsUpToNothing(of)}`;
