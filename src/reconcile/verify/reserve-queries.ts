import type { Queryable } from '../../database/transaction.js';

/** What isn't a number of this size is no amount: reconciliation finds it, a sum must not fail of it. */
const QUANTITY = "case when asset.value ~ '^[0-9]{1,30}$' then asset.value::numeric else 0 end";
/** Outputs count that a block made, or that a ledger told of. */
const HOLDINGS = `
  select unit, coalesce(sum(amount) filter (where place = 'deposits'), 0)::text as deposits,
         coalesce(sum(amount) filter (where place = 'hot'), 0)::text as "hotWallet",
         coalesce(sum(amount) filter (where place = 'in flight'), 0)::text as "inFlight"
    from (
      select 'deposits' as place, 'lovelace' as unit, sum(amount_lovelace) as amount from incoming_payments
       where spent_by is null and status <> 'rolled_back'
         and (block_height is not null or counted_from is not null)
      union all
      select 'deposits', asset.key, sum(${QUANTITY})
        from incoming_payments, jsonb_each_text(assets) as asset
       where spent_by is null and status <> 'rolled_back' and assets <> '{}'
         and (block_height is not null or counted_from is not null)
       group by asset.key
      union all
      select 'hot', 'lovelace', sum(amount_lovelace) from wallet_outputs
       where spent_by is null and (block_height is not null or counted_from is not null)
      union all
      select 'hot', asset.key, sum(${QUANTITY}) from wallet_outputs, jsonb_each_text(assets) as asset
       where spent_by is null and assets <> '{}'
         and (block_height is not null or counted_from is not null)
       group by asset.key
      union all
      select 'in flight', 'lovelace', sum(amount_lovelace + least(fee_lovelace, held_fee))
        from outbound_payments where status = 'in_block' and booked and user_id is not null
      union all
      select 'in flight', asset.key, sum(${QUANTITY})
        from outbound_payments, jsonb_each_text(assets) as asset
       where status = 'in_block' and booked and user_id is not null and assets <> '{}'
       group by asset.key) as parts
   group by unit`;

/** Of one unit, as decimal strings. */
export type Holdings = {
  readonly unit: string;
  readonly deposits: string;
  readonly hotWallet: string;
  /** Left the wallet in a block, and is held of its user until that block is deep enough. */
  readonly inFlight: string;
};

export const readHoldings = async (db: Queryable): Promise<readonly Holdings[]> =>
  (await db.query<Holdings>(HOLDINGS)).rows;
