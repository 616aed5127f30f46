import type { Queryable } from '../../database/transaction.js';
import { type BalanceVerification, verifyBalances } from '../../payments/balance-reads.js';
import type { Bounded } from '../seals/check-queries.js';
import { LEDGER_DIFFERENCES, LEDGER_LEGS } from './ledger-differences.js';

/*
 * Millions of entries are first compared as one sum on each side, in which every amount counts with a weight
 * that its key and a number drawn at random give it: sums that are equal by chance are as likely as guessing
 * that number, whoever edited the rows before the number was drawn. That needs no table of a million groups; who
 * the difference belongs to is asked for only where there is one. What isn't finite differs from everything.
 */

const WEIGHTED_BALANCES = `
  select coalesce(e.unit, b.unit) as unit, coalesce(e.entries, 0) as entries,
         coalesce(b.balances, 0) as balances, coalesce(b.total, 0)::text as total,
         coalesce(e.manual, 0)::text as manual,
         coalesce(e.weighted, 0) - coalesce(b.weighted, 0) <> 0 as differs
    from (
      select unit, count(*) as entries,
             sum(signed) filter (where tx_hash is null and payout_id is null) as manual,
             sum(signed * hashtextextended(user_id, hashtextextended(bucket, hashtextextended(unit, $1::bigint))))
               as weighted
        from (select unit, user_id, bucket, tx_hash, payout_id,
                     case type when 'credit' then amount else -amount end as signed
                from balance_transactions) as entries
       group by unit) as e
    full join (
      select unit, count(*) as balances, sum(available + held + pending) as total,
             sum(available * hashtextextended(user_id, hashtextextended('available', hashtextextended(unit, $1::bigint)))
                 + held * hashtextextended(user_id, hashtextextended('held', hashtextextended(unit, $1::bigint)))
                 + pending * hashtextextended(user_id, hashtextextended('pending', hashtextextended(unit, $1::bigint))))
               as weighted
        from user_balances group by unit) as b using (unit)`;

/** Per unit, as decimal strings: what users have, and what people entered by hand. */
export type UnitTotals = {
  readonly unit: string;
  readonly total: string;
  readonly manual: string;
};

/** Every stored balance against the sum of its entries. */
export async function checkBalances(
  db: Queryable,
  seed: number,
): Promise<{ readonly result: BalanceVerification; readonly totals: readonly UnitTotals[] }> {
  type Row = UnitTotals & { entries: string; balances: string; differs: boolean };
  const { rows } = await db.query<Row>(WEIGHTED_BALANCES, [seed]);
  const totals = rows.map(({ unit, total, manual }) => ({ unit, total, manual }));
  if (rows.some((row) => row.differs)) return { result: await verifyBalances(db), totals };
  const sum = (read: (row: Row) => string) => rows.reduce((all, row) => all + Number(read(row)), 0);
  const balances = sum((row) => row.balances);
  const entries = sum((row) => row.entries);
  return { result: { balances, entries, mismatches: [], mismatchCount: 0 }, totals };
}

const WEIGHTED_LEGS = `
  select unit, coalesce(sum(expected), 0)::text as expected,
         coalesce(sum((booked - expected)
           * hashtextextended(user_id, hashtextextended(bucket, hashtextextended(unit,
               hashtextextended(coalesce(payout_id, ''), hashtextextended(coalesce(tx_hash, ''),
                 $1::bigint + coalesce(output_index, -1))))))), 0) <> 0 as differs
    from (${LEDGER_LEGS}) as legs group by unit`;
const DIFFERENCES = `
  select *, count(*) over () as differences from (${LEDGER_DIFFERENCES}) as found
   order by tx_hash, output_index, payout_id, user_id, unit, bucket limit $1`;

/** A bucket of a user in which a payment or payout is booked otherwise than it stands. */
export type LedgerMismatch = {
  readonly txHash: string | null;
  readonly outputIndex: number | null;
  readonly payoutId: string | null;
  readonly userId: string;
  readonly unit: string;
  readonly bucket: string;
  readonly booked: string;
  readonly expected: string;
};

/** What payments and payouts make of users' money, as a decimal string. */
export type UnitExpected = { readonly unit: string; readonly expected: string };

/** Every entry against its payment or payout, and whether that exists. */
export async function checkLedger(
  db: Queryable,
  seed: number,
  shown: number,
): Promise<LedgerCheck> {
  const { rows } = await db.query<UnitExpected & { differs: boolean }>(WEIGHTED_LEGS, [seed]);
  const totals = rows.map(({ unit, expected }) => ({ unit, expected }));
  const differs = rows.some((row) => row.differs);
  const hasOrphans = differs || (await hasOrphanDebits(db));
  return {
    result: differs ? await ledgerMismatches(db, shown) : { count: 0, shown: [] },
    orphans: hasOrphans ? await orphanEntries(db, shown) : { count: 0, shown: [] },
    totals,
  };
}

export type LedgerCheck = {
  readonly result: Bounded<LedgerMismatch>;
  readonly orphans: Bounded<OrphanEntry>;
  readonly totals: readonly UnitExpected[];
};

async function ledgerMismatches(db: Queryable, shown: number): Promise<Bounded<LedgerMismatch>> {
  type Row = {
    tx_hash: string | null;
    output_index: number | null;
    payout_id: string | null;
    user_id: string;
    unit: string;
    bucket: string;
    booked: string;
    expected: string;
    differences: string;
  };
  const { rows } = await db.query<Row>(DIFFERENCES, [shown]);
  return {
    count: Number(rows[0]?.differences ?? 0),
    shown: rows.map((row) => ({
      txHash: row.tx_hash,
      outputIndex: row.output_index,
      payoutId: row.payout_id,
      userId: row.user_id,
      unit: row.unit,
      bucket: row.bucket,
      booked: row.booked,
      expected: row.expected,
    })),
  };
}

/**
 * Entries without their payment or payout are a difference of the ledger, unless they add up to nothing: then
 * there are debits among them, and these are half of all or fewer. Counted, not looked for: for a single row
 * PostgreSQL would go through an index millions of times.
 */
const ORPHAN_DEBITS = `
  select (select count(*) from balance_transactions e
           where e.type = 'debit' and e.tx_hash is not null
             and not exists (select from incoming_payments p
                              where p.tx_hash = e.tx_hash and p.output_index = e.output_index))
       + (select count(*) from balance_transactions e
           where e.type = 'debit' and e.payout_id is not null
             and not exists (select from outbound_payments p where p.id = e.payout_id)) > 0 as found`;
const ORPHANS = `
  select id, user_id as "userId", unit, bucket, type, amount, reason, tx_hash as "txHash",
         output_index as "outputIndex", payout_id as "payoutId", count(*) over () as orphans
    from (
      select * from balance_transactions e
       where e.tx_hash is not null
         and not exists (select from incoming_payments p
                          where p.tx_hash = e.tx_hash and p.output_index = e.output_index)
      union all
      select * from balance_transactions e
       where e.payout_id is not null
         and not exists (select from outbound_payments p where p.id = e.payout_id)) as found
   order by id limit $1`;

const hasOrphanDebits = async (db: Queryable): Promise<boolean> =>
  (await db.query<{ found: boolean }>(ORPHAN_DEBITS)).rows[0]?.found === true;

/** An entry whose payment or payout doesn't exist. */
export type OrphanEntry = {
  readonly id: string;
  readonly userId: string;
  readonly unit: string;
  readonly bucket: string;
  readonly type: string;
  readonly amount: string;
  readonly reason: string;
  readonly txHash: string | null;
  readonly outputIndex: number | null;
  readonly payoutId: string | null;
};

async function orphanEntries(db: Queryable, shown: number): Promise<Bounded<OrphanEntry>> {
  const { rows } = await db.query<OrphanEntry & { orphans: string }>(ORPHANS, [shown]);
  return {
    count: Number(rows[0]?.orphans ?? 0),
    shown: rows.map((row) => ({
      id: row.id,
      userId: row.userId,
      unit: row.unit,
      bucket: row.bucket,
      type: row.type,
      amount: row.amount,
      reason: row.reason,
      txHash: row.txHash,
      outputIndex: row.outputIndex,
      payoutId: row.payoutId,
    })),
  };
}
