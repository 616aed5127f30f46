import type { Queryable } from '../../database/transaction.js';
import { IN_FLIGHT, QUANTITY } from './books-queries.js';

/** What left the wallet for a user is held of them until it is deep enough: they don't have it any more. */
const DEBTS = `
  with sent as (
    select user_id, unit, sum(amount) as amount
      from (select user_id, 'lovelace' as unit, amount_lovelace + least(fee_lovelace, held_fee) as amount
              from outbound_payments where ${IN_FLIGHT}
            union all
            select user_id, asset.key, ${QUANTITY}
              from outbound_payments, jsonb_each_text(assets) as asset
             where ${IN_FLIGHT} and assets <> '{}') as sent
     group by user_id, unit)
  select unit, sum(debt)::text as debt
    from (select unit, coalesce(s.amount, 0) - b.available - b.held - b.pending as debt
            from user_balances b left join sent s using (user_id, unit)
           where b.available < 0
          union all
          select unit, s.amount - coalesce(b.available + b.held + b.pending, 0)
            from sent s left join user_balances b using (user_id, unit)
           where coalesce(b.available, 0) >= 0) as standing
   where debt > 0
   group by unit`;

/** What users below zero owe, by unit, in all; as decimal strings. */
export async function debtsByUnit(db: Queryable): Promise<ReadonlyMap<string, string>> {
  const { rows } = await db.query<{ unit: string; debt: string }>(DEBTS);
  return new Map(rows.map(({ unit, debt }) => [unit, debt]));
}
