import type { Queryable } from '../../database/transaction.js';
import type { Bounded } from '../seals/check-queries.js';
import { bounded } from './bounded.js';
import { LEDGER_DIFFERENCES } from './ledger-differences.js';
import { isSettled } from './settled-orphans.js';

const DIFFERENCES = `
  select tx_hash as "txHash", output_index as "outputIndex", payout_id as "payoutId", user_id as "userId",
         unit, bucket, booked, expected, count(*) over () as differences
    from (${LEDGER_DIFFERENCES}) as found
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

/** Every entry against its payment or payout. */
export async function ledgerMismatches(
  db: Queryable,
  shown: number,
): Promise<Bounded<LedgerMismatch>> {
  const { rows } = await db.query<LedgerMismatch & { differences: string }>(DIFFERENCES, [shown]);
  return bounded(rows);
}

const ENTRY_COLUMNS = `
  id, user_id as "userId", unit, bucket, type, amount, reason, tx_hash as "txHash",
  output_index as "outputIndex", payout_id as "payoutId"`;

// Without "offset 0" it would be looked up of all entries whether they are settled.
const ORPHANS = `
  select ${ENTRY_COLUMNS}, count(*) over () as differences
    from (
      select * from (
        select * from balance_transactions e
         where e.tx_hash is not null
           and not exists (select from incoming_payments p
                            where p.tx_hash = e.tx_hash and p.output_index = e.output_index)
        offset 0) as o
       where o.payout_id is not null or not (${isSettled('o')})
      union
      select * from balance_transactions e
       where e.payout_id is not null
         and not exists (select from outbound_payments p where p.id = e.payout_id)) as found
   order by id limit $1`;

/** An entry whose payment or payout doesn't exist, or that names none though it should. */
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

export const orphanEntries = (db: Queryable, shown: number): Promise<Bounded<OrphanEntry>> =>
  boundedEntries(db, ORPHANS, shown);

/**
 * Entries that name neither a payment nor a payout are people's, unless their reason is the program's own,
 * which always comes with one, or their bucket is: only payments make money pending, only payouts hold it.
 */
export const IS_UNFOUNDED = `
  tx_hash is null and payout_id is null
  and (bucket <> 'available' or reason = 'correction'
       or starts_with(reason, 'payment_') or starts_with(reason, 'payout_'))`;
// The ledger only grows: such an entry is taken back by another one like it.
const UNFOUNDED = `
  select ${ENTRY_COLUMNS}, count(*) over () as differences
    from (
      select *, sum(case type when 'credit' then amount else -amount end)
                  over (partition by user_id, unit, bucket, reason) as remaining
        from balance_transactions where ${IS_UNFOUNDED}) as entries
   where remaining <> 0
   order by id limit $1`;

export const unfoundedEntries = (db: Queryable, shown: number): Promise<Bounded<OrphanEntry>> =>
  boundedEntries(db, UNFOUNDED, shown);

async function boundedEntries(
  db: Queryable,
  text: string,
  shown: number,
): Promise<Bounded<OrphanEntry>> {
  const { rows } = await db.query<OrphanEntry & { differences: string }>(text, [shown]);
  return bounded(rows);
}
