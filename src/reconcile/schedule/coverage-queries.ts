import type { Queryable } from '../../database/transaction.js';

/** How much of what is watched, the hot wallet included, was compared with the chain lately. */
export type Coverage = {
  readonly watched: number;
  /** Of them, compared within the last day; 1 where nothing is watched. */
  readonly reconciledRatio: number;
  /** Since the address that has waited longest was compared, or registered; null where nothing is watched. */
  readonly oldestSeconds: number | null;
};

/**
 * A finished full run compared every address that was registered before it began. One that isn't asked for
 * its past yet counts like any other: it waits. The hot wallet is known once it was asked for its own.
 */
const READ = `
  with full_run as (
    select max(started_at) as at from reconciliation_runs
     where partition_id = $1 and scope = 'full' and state = 'finished'),
  watched as (
    select address, created_at from payment_addresses where partition_id = $1
    union all
    select address, created_at from wallet_backfills where partition_id = $1),
  compared as (
    select w.created_at, greatest(c.checked_at, case when w.created_at < f.at then f.at end) as at
      from watched w
      cross join full_run f
      left join address_checks c on c.address = w.address)
  select count(*)::text as watched,
         (count(*) filter (where at > $2::timestamptz - interval '24 hours'))::text as lately,
         extract(epoch from $2::timestamptz - min(coalesce(at, created_at)))::float8 as oldest
    from compared`;

/** Reads all watched addresses: not for every request. */
export async function readCoverage(
  db: Queryable,
  partitionId: number,
  now: Date,
): Promise<Coverage> {
  type Row = { watched: string; lately: string; oldest: number | null };
  const { rows } = await db.query<Row>(READ, [partitionId, now]);
  const { watched = '0', lately = '0', oldest = null } = rows[0] ?? {};
  const count = Number(watched);
  return {
    watched: count,
    reconciledRatio: count === 0 ? 1 : Number(lately) / count,
    oldestSeconds: oldest === null ? null : Math.max(0, oldest),
  };
}
