import type { OutputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import { EARLY_CONFIRMATIONS } from '../compare/early-confirmation-queries.js';
import { LEDGER_DIFFERENCES } from '../verify/ledger-differences.js';
import { isSettled } from '../verify/settled-orphans.js';
import { SIGNED } from './balance-ledger.js';

/** What ledger and balances differ in: found beside the chain, and looked at once more where it is healed. */
export type LedgerPlan = {
  /** Payments whose rows and entries differ, or agree on what can't be yet. */
  readonly payments: readonly OutputReference[];
  readonly payouts: readonly string[];
  /** Payments that have entries and no row. */
  readonly lost: readonly OutputReference[];
  readonly balances: readonly { readonly userId: string; readonly unit: string }[];
  /** More than are healed one by one: what is listed is only a part. */
  readonly isPartial: boolean;
};

/** As many as one transaction heals in a few seconds. */
const CAUSES_MAX = 50_000;

const CAUSES = `
  select distinct d.tx_hash, d.output_index, d.payout_id, p.tx_hash is not null as recorded
    from (${LEDGER_DIFFERENCES}) d
    left join incoming_payments p on p.tx_hash = d.tx_hash and p.output_index = d.output_index
   where $1::text[] is null or d.user_id = any($1)
  union
  -- A confirmation at no time: what was booked and told of it says what it is.
  select tx_hash, output_index, null, true
    from incoming_payments
   where not isfinite(confirmed_at) and ($1::text[] is null or user_id = any($1))
  union
  -- Row and entries agree that it is confirmed, and nothing else does.
  select tx_hash, output_index, null, true
    from (${EARLY_CONFIRMATIONS}) as early
   where $1::text[] is null or user_id = any($1)
   limit $2`;
// Also those whose entries add up to nothing: a block that brings them once more needs their row.
const LOST = `
  select tx_hash, output_index
    from (select distinct b.tx_hash, b.output_index
            from balance_transactions b
           where b.tx_hash is not null
             and not exists (select 1 from incoming_payments p
                              where p.tx_hash = b.tx_hash and p.output_index = b.output_index)
          offset 0) as lost
   where not (${isSettled('lost')})
   limit $1`;
const UNBALANCED = `
  select user_id as "userId", unit
    from (select user_id, unit,
                 coalesce(sum(${SIGNED}) filter (where bucket = 'available'), 0) as available,
                 coalesce(sum(${SIGNED}) filter (where bucket = 'held'), 0) as held,
                 coalesce(sum(${SIGNED}) filter (where bucket = 'pending'), 0) as pending
            from balance_transactions where $1::text[] is null or user_id = any($1)
           group by user_id, unit) s
    full join (select * from user_balances where $1::text[] is null or user_id = any($1)) b
      using (user_id, unit)
   where (coalesce(b.available, 0), coalesce(b.held, 0), coalesce(b.pending, 0))
           is distinct from (coalesce(s.available, 0), coalesce(s.held, 0), coalesce(s.pending, 0))
   limit $2`;

type Cause = {
  tx_hash: string | null;
  output_index: number | null;
  payout_id: string | null;
  recorded: boolean;
};

/** @param users whose ledger alone is looked at; null: everybody's */
export async function planLedger(
  db: Queryable,
  users: readonly string[] | null,
): Promise<LedgerPlan> {
  const causes = (await db.query<Cause>(CAUSES, [users, CAUSES_MAX])).rows;
  const lost =
    users === null
      ? (await db.query<{ tx_hash: string; output_index: number }>(LOST, [CAUSES_MAX])).rows
      : [];
  const balances = (
    await db.query<{ userId: string; unit: string }>(UNBALANCED, [users, CAUSES_MAX])
  ).rows;
  return {
    payments: causes.flatMap((one) =>
      one.tx_hash !== null && one.recorded ? `${one.tx_hash}#${one.output_index}` : [],
    ),
    payouts: [...new Set(causes.flatMap((one) => one.payout_id ?? []))],
    lost: lost.map((row) => `${row.tx_hash}#${row.output_index}`),
    balances,
    isPartial: [causes, lost, balances].some((rows) => rows.length === CAUSES_MAX),
  };
}
