import type { Queryable } from '../database/transaction.js';
import { type Page, readCursor, toPage, writeCursor } from './pages.js';
import type { PageRequest } from './reads.js';

/** Amounts of one unit as decimal strings. `available` may be below zero. */
export type BalanceView = {
  readonly unit: string;
  readonly available: string;
  readonly held: string;
  readonly pending: string;
};

const BALANCES = `
  select unit, available, held, pending from user_balances where user_id = $1
   order by unit <> 'lovelace', unit`;

/** Ada first. A user nobody ever paid has none. */
export async function readBalances(db: Queryable, userId: string): Promise<readonly BalanceView[]> {
  const { rows } = await db.query<BalanceView>(BALANCES, [userId]);
  return rows;
}

const BELOW_ZERO = 'select count(*)::float8 as count from user_balances where available < 0';

/** Reads the whole table: not for every request. */
export const countBelowZero = async (db: Queryable): Promise<number> =>
  (await db.query<{ count: number }>(BELOW_ZERO)).rows[0]?.count ?? 0;

export type LedgerEntryView = {
  readonly id: string;
  readonly unit: string;
  readonly bucket: 'pending' | 'available' | 'held';
  readonly type: 'credit' | 'debit';
  readonly amount: string;
  readonly reason: string;
  readonly txHash: string | null;
  readonly outputIndex: number | null;
  readonly payoutId: string | null;
  readonly createdAt: string;
};

const LEDGER = `
  select id, unit, bucket, type, amount, reason, tx_hash as "txHash",
         output_index as "outputIndex", payout_id as "payoutId", created_at as "createdAt"
    from balance_transactions where user_id = $1 and id > $2::bigint
   order by id limit $3::int + 1`;

/** Every entry of a user, oldest first. @throws CursorError */
export async function readLedger(
  db: Queryable,
  userId: string,
  page: PageRequest,
): Promise<Page<LedgerEntryView>> {
  type Row = Omit<LedgerEntryView, 'createdAt'> & { createdAt: Date };
  const [after = '0'] =
    page.cursor === undefined ? [] : readCursor('ledger', page.cursor, [/^\d{1,18}$/]);
  const { rows } = await db.query<Row>(LEDGER, [userId, after, page.limit]);
  return toPage(
    rows,
    page.limit,
    (row) => ({ ...row, createdAt: row.createdAt.toISOString() }),
    (row) => writeCursor('ledger', [row.id]),
  );
}

type Buckets = Pick<BalanceView, 'available' | 'held' | 'pending'>;

/** A stored balance that isn't the sum of its entries. */
export type BalanceMismatch = {
  readonly userId: string;
  readonly unit: string;
  readonly recorded: Buckets;
  /** Credits less debits of the ledger. */
  readonly computed: Buckets;
};

export type BalanceVerification = {
  readonly balances: number;
  readonly entries: number;
  /** At most MISMATCHES_SHOWN_MAX of them. */
  readonly mismatches: readonly BalanceMismatch[];
  readonly mismatchCount: number;
};

/** Enough to see a pattern; a broken import mustn't fill the memory. */
export const MISMATCHES_SHOWN_MAX = 1000;

/**
 * One statement, so that entries and balances are those of one moment whatever is committed meanwhile.
 * It locks nothing.
 */
const VERIFY = `
  with computed as (
    select user_id, unit, count(*) as entries,
           coalesce(sum(case type when 'credit' then amount else -amount end)
                    filter (where bucket = 'available'), 0) as available,
           coalesce(sum(case type when 'credit' then amount else -amount end)
                    filter (where bucket = 'held'), 0) as held,
           coalesce(sum(case type when 'credit' then amount else -amount end)
                    filter (where bucket = 'pending'), 0) as pending
      from balance_transactions group by user_id, unit
  ), compared as (
    select user_id, unit, coalesce(c.entries, 0) as entries,
           coalesce(b.available, 0) as b_available, coalesce(b.held, 0) as b_held,
           coalesce(b.pending, 0) as b_pending, coalesce(c.available, 0) as c_available,
           coalesce(c.held, 0) as c_held, coalesce(c.pending, 0) as c_pending
      from user_balances b full join computed c using (user_id, unit)
  ), wrong as (
    select * from compared
     where (b_available, b_held, b_pending) is distinct from (c_available, c_held, c_pending)
  ), shown as (
    select * from wrong order by user_id, unit limit $1
  )
  select (select count(*) from compared) as balances,
         (select coalesce(sum(entries), 0) from compared) as entries,
         (select count(*) from wrong) as mismatch_count,
         coalesce(jsonb_agg(jsonb_build_object(
           'userId', user_id, 'unit', unit,
           'recorded', jsonb_build_object('available', b_available::text, 'held', b_held::text,
                                          'pending', b_pending::text),
           'computed', jsonb_build_object('available', c_available::text, 'held', c_held::text,
                                          'pending', c_pending::text))
           order by user_id, unit) filter (where user_id is not null), '[]') as mismatches
    from shown`;

/** Recomputes every balance from its ledger entries. */
export async function verifyBalances(db: Queryable): Promise<BalanceVerification> {
  const { rows } = await db.query<{
    balances: string;
    entries: string;
    mismatch_count: string;
    mismatches: BalanceMismatch[];
  }>(VERIFY, [MISMATCHES_SHOWN_MAX]);
  const [row] = rows;
  if (row === undefined) throw new Error('an aggregate without a row');
  return {
    balances: Number(row.balances),
    entries: Number(row.entries),
    mismatchCount: Number(row.mismatch_count),
    mismatches: row.mismatches,
  };
}
