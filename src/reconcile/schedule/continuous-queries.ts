import type { Queryable, Tx } from '../../database/transaction.js';

// Whose past is asked for already. Each branch is a thin slice of an index. Of what was rolled back the ledger alone
// says when; whoever was rolled back within blocks of this stretch was detected since then.
const CHANGED = `
  with touched as (
    select address, max(height) as height from (
      select address, block_height as height from incoming_payments
       where partition_id = $1 and block_height > $2 and block_height <= $3
      union all
      select address, spent_height from incoming_payments
       where partition_id = $1 and spent_height > $2 and spent_height <= $3
      union all
      select address, counted_from from incoming_payments
       where partition_id = $1 and counted_from > $2 and counted_from <= $3
    ) t group by address),
  rolled_back as (
    select p.address, max(e.created_at) as at
      from incoming_payments p
      join balance_transactions e on e.tx_hash = p.tx_hash and e.output_index = p.output_index
     where p.status = 'rolled_back' and p.detected_at > $5 and p.partition_id = $1
       and e.reason = 'payment_rolled_back'
     group by p.address)
  select address from (select address from touched union select address from rolled_back) n
    join payment_addresses a using (address)
    left join touched t using (address)
    left join rolled_back r using (address)
    left join address_checks c using (address)
   where a.backfilled_height is not null
     and (coalesce(c.checked_height, -1) < t.height or coalesce(c.checked_at, '-infinity') < r.at)
   order by coalesce(t.height, $2), address limit $4`;

export type Changes = {
  /** Heights, the first exclusive. */
  readonly above: number;
  readonly upTo: number;
  /** Nothing that was detected before is rolled back any more. */
  readonly detectedSince: Date;
};

/** Addresses at which something came, went or was rolled back, and that weren't compared after that. */
export async function changedAddresses(
  db: Queryable,
  partitionId: number,
  { above, upTo, detectedSince }: Changes,
  limit: number,
): Promise<string[]> {
  const values = [partitionId, above, upTo, limit, detectedSince];
  const { rows } = await db.query<{ address: string }>(CHANGED, values);
  return rows.map(({ address }) => address);
}

// The tip as it was heard with the last block.
const IS_NEAR_TIP = `
  select coalesce(tip_height - last_block_height <= $2::int, false) as near
    from sync_state where partition_id = $1`;

/** Further below no node holds its ledger any more, or the books will be elsewhere in a moment. */
export async function isNearTip(
  db: Queryable,
  partitionId: number,
  blocks: number,
): Promise<boolean> {
  const { rows } = await db.query<{ near: boolean }>(IS_NEAR_TIP, [partitionId, blocks]);
  return rows[0]?.near === true;
}

const WATCH_IDS = `
  select min(watch_id)::text as least, max(watch_id)::text as most from payment_addresses
   where partition_id = $1`;

/** Null where nothing is watched. */
export async function watchIds(
  db: Queryable,
  partitionId: number,
): Promise<{ readonly least: number; readonly most: number } | null> {
  type Row = { least: string | null; most: string | null };
  const { rows } = await db.query<Row>(WATCH_IDS, [partitionId]);
  const { least = null, most = null } = rows[0] ?? {};
  return least === null || most === null ? null : { least: Number(least), most: Number(most) };
}

// What is known to differ would be told again each time: the full run looks at it once a night.
const IS_KNOWN_TO_DIFFER = `
  address in (
    select address from reconciliation_discrepancies
     where state = 'open' or state = 'explained' and closed_by not like 'run %')`;
const DRAWN = `
  select address from payment_addresses
   where partition_id = $1 and watch_id = any($2::bigint[]) and backfilled_height is not null
     and not ${IS_KNOWN_TO_DIFFER}`;
const WALLET = `
  select address from wallet_backfills
   where partition_id = $1 and address = $2 and not ${IS_KNOWN_TO_DIFFER}`;

/** The hot wallet, where it was asked for what it held before, and nothing is known to differ. */
export async function comparableWallet(
  db: Queryable,
  partitionId: number,
  hotWallet: string | null,
): Promise<string[]> {
  const { rows } = await db.query<{ address: string }>(WALLET, [partitionId, hotWallet]);
  return rows.map(({ address }) => address);
}

/** Those of the drawn ones that exist, and were asked for what they held before. */
export async function drawnAddresses(
  db: Queryable,
  partitionId: number,
  drawn: readonly number[],
): Promise<string[]> {
  const { rows } = await db.query<{ address: string }>(DRAWN, [partitionId, drawn]);
  return rows.map(({ address }) => address);
}

const NOTE_CHECKS = `
  insert into address_checks (address, checked_at, checked_height)
  select address, $2, $3 from unnest($1::text[]) as c (address)
  on conflict (address) do update
     set checked_at = excluded.checked_at, checked_height = excluded.checked_height
   where address_checks.checked_at <= excluded.checked_at`;

export const noteChecks = (tx: Tx, addresses: readonly string[], at: Date, height: number) =>
  tx.query(NOTE_CHECKS, [addresses, at, height]);

// Other runs also see what blocks, digest and ledger tell of what is spent: that it isn't seen here says nothing.
const CLOSE_EARLIER = `
  update reconciliation_discrepancies d
     set state = 'explained', closed_at = $3, closed_by = 'run ' || $1::text,
         reason = case when seen.again then 'seen again in run ' else 'no longer there in run ' end || $1::text
    from reconciliation_discrepancies o
    join reconciliation_runs r on r.id = o.run_id
   cross join lateral (
     select exists (
       select 1 from reconciliation_discrepancies n
        where n.run_id = $1::bigint and n.type = o.type and n.tx_hash = o.tx_hash
          and n.output_index = o.output_index) as again) as seen
   where d.id = o.id and o.state = 'open' and o.run_id < $1::bigint and o.address = any($2::text[])
     and (seen.again or r.scope = 'continuous')`;

/** What was open at these addresses before is open as this run's finding; or over, where such a run found it. */
export const closeEarlier = (tx: Tx, runId: string, addresses: readonly string[], at: Date) =>
  tx.query(CLOSE_EARLIER, [runId, addresses, at]);

const DROP_CLEAN = `
  delete from reconciliation_runs r
   where r.id = $1 and r.scope = 'continuous' and r.problem is null
     and not exists (select 1 from reconciliation_discrepancies d where d.run_id = r.id)
     and not exists (select 1 from reconciliation_discrepancies d where d.closed_by = 'run ' || $1::text)
     and exists (
       select 1 from reconciliation_runs o
        where o.scope = 'continuous' and o.state = 'finished' and o.partition_id = r.partition_id
          and o.id < r.id and o.finished_at > r.finished_at - interval '1 hour')`;

/** One row an hour says that it goes on; between them only what was found is kept. */
export const dropClean = async (tx: Tx, runId: string): Promise<boolean> =>
  (await tx.query(DROP_CLEAN, [runId])).rowCount === 1;

const LAST_COMPARED = `
  select max(block_height)::text as height from reconciliation_runs
   where partition_id = $1 and state = 'finished' and scope in ('full', 'continuous')`;

/** What changed up to there was compared, or is looked at by its own height; null where nothing was. */
export async function lastComparedHeight(
  db: Queryable,
  partitionId: number,
): Promise<number | null> {
  const { rows } = await db.query<{ height: string | null }>(LAST_COMPARED, [partitionId]);
  const height = rows[0]?.height ?? null;
  return height === null ? null : Number(height);
}
