import type { Queryable } from '../../database/transaction.js';
import {
  CONFIRMATION_TOLD,
  deadTransactions,
  FEE_OF_ITS_PAYOUTS,
  KEPT_FOR_NONE,
  LOST_TRANSACTIONS,
  MAY_LAND,
  NAMED_AND_UNKNOWN,
  openOf,
  spendsAnchorOf,
  TIMES_ACCEPTED,
  TOLD_AND_UNKNOWN,
  unknownSpends,
} from './evidence-queries.js';
import { strayedFromOrigin } from './origin-queries.js';

/** Blocks beyond the depth of confirmation: what is deeper was told to be confirmed. */
const LATE_BLOCKS = 100;

/** Transactions of which it isn't known whom they pay: looked for once, and not for each payout. */
const UNCLEAR = `
  unclear as materialized (
    select t.tx_hash, t.cbor
      from payout_transactions t
      join payout_batches b on b.id = t.batch_id
     where (t.block_height is null or t.block_height > $3::bigint - ${LATE_BLOCKS})
       and ${FEE_OF_ITS_PAYOUTS} <> (select coalesce(sum(s.fee_share), 0) from payout_attempts s
                                      where s.tx_hash = t.tx_hash))`;

// Without "offset 0" all entries of payouts would be read, in their order, instead of those of a few payouts.
const DOUBTS = `
  with recursive ${openOf('$1::text[]')}, ${deadTransactions('$4::bigint', '$5::bigint')}, ${UNCLEAR}, ${KEPT_FOR_NONE},
  ${unknownSpends(`$3::bigint - ${LATE_BLOCKS}`)},
  asked as (select * from outbound_payments p where p.id = any($1::text[]))
  select p.id as "payoutId", 'its confirmation was told: ' || ${CONFIRMATION_TOLD} as why
    from asked p where ${CONFIRMATION_TOLD} is not null
  union all
  select distinct p.id, 'the ledger has it as confirmed, in turn ' || b.payout_turn
    from asked p
   cross join lateral (
     select * from balance_transactions e
      where e.payout_id = p.id and e.reason = 'payout_confirmed' offset 0) as b
   where not exists (select 1 from balance_transactions r
                      where r.payout_id = b.payout_id and r.payout_turn = b.payout_turn
                        and r.reason = 'payout_rolled_back')
     and (select true from outbox o
           where o.event_key = 'payout.rolled_back:' || p.id || ':' || b.payout_turn) is null
  union all
  select p.id, 'transaction ' || t.tx_hash || ' pays it and is in block ' || t.block_height
    from asked p
    join payout_attempts a on a.payout_id = p.id
    join payout_transactions t on t.tx_hash = a.tx_hash and t.block_height is not null
  union all
  select p.id, 'transaction ' || t.tx_hash || ' pays it and may still come into a block'
    from asked p ${MAY_LAND}
   where not ${spendsAnchorOf('$2::bigint')}
  union all
  select p.id, case when ${TOLD_AND_UNKNOWN} then 'transaction ' || t.tx_hash || ' was told to pay it, and isn''t known to'
                    when ${NAMED_AND_UNKNOWN} then 'transaction ' || t.tx_hash || ' names it, and isn''t known to pay it'
                    else 'whom transaction ' || t.tx_hash || ' pays isn''t known any more' end
    from unclear t cross join asked p
  union all
  select p.id, 'transaction ' || lost.tx_hash || ' was told to pay it, and is gone'
    from asked p ${LOST_TRANSACTIONS}
  union all
  select p.id, 'output ' || k.reference || ' is kept for batch ' || k.batch_id || ', and no transaction of it spends it'
    from kept_for_none k cross join asked p
  union all
  select p.id, 'transaction ' || u.tx_hash || ' spent from the hot wallet at height ' || u.height || ', and isn''t known'
    from unknown_spends u cross join asked p
  union all
  select p.id, 'it was accepted ' || ${TIMES_ACCEPTED} || ' times, and what became of it before isn''t known'
    from asked p where ${TIMES_ACCEPTED} > 1
   order by 1, 2`;

/**
 * Why a payout isn't to be signed. `paid`: it may be paid already. `origin`: it isn't what was asked for, approved
 * and held.
 */
export type Doubt = {
  readonly payoutId: string;
  readonly why: string;
  readonly about: 'paid' | 'origin';
};

export type DoubtQuery = {
  /** What is signed next shares the anchor of this batch; null: it is the first attempt of a new one. */
  readonly batchId: string | null;
  /** Payouts in blocks up to that height are confirmed. */
  readonly confirmedHeight: number;
  /** Slot of the block k below; null where the chain that was followed is shorter. */
  readonly deepSlot: number | null;
  /** k blocks below the books. */
  readonly deepHeight: number;
};

/** What else in the database says that these were paid, or still may be, or aren't what was asked for. */
export async function doubtsOf(
  db: Queryable,
  payoutIds: readonly string[],
  { batchId, confirmedHeight, deepSlot, deepHeight }: DoubtQuery,
): Promise<Doubt[]> {
  if (payoutIds.length === 0) return [];
  const values = [payoutIds, batchId, confirmedHeight, deepSlot, deepHeight];
  const { rows: paid } = await db.query<Omit<Doubt, 'about'>>(DOUBTS, values);
  const strayed = await strayedFromOrigin(db, payoutIds);
  return [
    ...paid.map((doubt) => ({ ...doubt, about: 'paid' as const })),
    ...strayed.map((doubt) => ({ ...doubt, about: 'origin' as const })),
  ];
}
