/**
 * What each entry books, and what each payment and payout as it stands lets expect of the ledger: a row for
 * each leg, with one of both. Entries without a cause are people's. A quantity that can't be read counts as
 * none, so that one spoilt row is found and doesn't hide the others. All columns are of the same types
 * throughout: PostgreSQL reads the parts on several processors only then.
 */
export const LEDGER_LEGS = `
  select tx_hash, output_index, inclusion, payout_id, payout_turn, user_id, unit, bucket,
         case type when 'credit' then amount else -amount end as booked, 0::numeric as expected
    from balance_transactions
   where tx_hash is not null or payout_id is not null
  union all
  select tx_hash, output_index, inclusion, null::text, null::int, user_id, 'lovelace'::text,
         case status when 'pending' then 'pending'::text else 'available'::text end, 0::numeric,
         amount_lovelace
    from incoming_payments
   where status in ('pending', 'confirmed')
  union all
  select tx_hash, output_index, inclusion, null::text, null::int, user_id, asset.key,
         case status when 'pending' then 'pending'::text else 'available'::text end, 0::numeric,
         case when asset.value ~ '^[0-9]{1,30}$' then asset.value::numeric else 0::numeric end
    from incoming_payments, jsonb_each_text(assets) as asset
   where status in ('pending', 'confirmed') and assets <> '{}'
  union all
  select null::text, null::int, null::int, id, turn, user_id, 'lovelace'::text, 'available'::text,
         0::numeric,
         case status when 'confirmed' then -(amount_lovelace + least(fee_lovelace, held_fee))
                     else -(amount_lovelace + held_fee) end
    from outbound_payments
   where booked and user_id is not null
  union all
  select null::text, null::int, null::int, id, turn, user_id, 'lovelace'::text, 'held'::text,
         0::numeric, amount_lovelace + held_fee
    from outbound_payments
   where booked and user_id is not null and status <> 'confirmed'
  union all
  select null::text, null::int, null::int, id, turn, user_id, asset.key, leg.bucket::text, 0::numeric,
         case when asset.value ~ '^[0-9]{1,30}$' then leg.sign * asset.value::numeric else 0::numeric end
    from outbound_payments, jsonb_each_text(assets) as asset,
         (values ('available', -1), ('held', 1)) as leg (bucket, sign)
   where booked and user_id is not null and assets <> '{}'
     and (status <> 'confirmed' or leg.bucket = 'available')`;

/**
 * Where the ledger isn't what payments and payouts make it: a row for each cause, user, unit and bucket,
 * with what is booked (credits less debits of all its entries, reversals and corrections among them) and
 * what is expected. `inclusion` and `payout_turn` are those of the payment or payout as it stands, else the
 * highest of the entries.
 */
export const LEDGER_DIFFERENCES = `
  select d.tx_hash, d.output_index, coalesce(payment.inclusion, d.inclusion) as inclusion,
         d.payout_id, coalesce(payout.turn, d.payout_turn) as payout_turn,
         d.user_id, d.unit, d.bucket, d.booked, d.expected
    from (
      select tx_hash, output_index, payout_id, user_id, unit, bucket, max(inclusion) as inclusion,
             max(payout_turn) as payout_turn, sum(booked) as booked, sum(expected) as expected
        from (${LEDGER_LEGS}) as legs
       group by tx_hash, output_index, payout_id, user_id, unit, bucket
      having sum(booked) <> sum(expected)
    ) as d
    left join incoming_payments payment
      on payment.tx_hash = d.tx_hash and payment.output_index = d.output_index
    left join outbound_payments payout on payout.id = d.payout_id`;
