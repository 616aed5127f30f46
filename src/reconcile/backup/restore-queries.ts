import type { Queryable, Tx } from '../../database/transaction.js';

const TRY_LOCK = 'select pg_try_advisory_lock($1, $2) as locked';

/** For as long as the session lasts; the same lock that a worker holds while it leads, or pays. */
export async function tryLock(
  db: Queryable,
  lockClass: number,
  partitionId: number,
): Promise<boolean> {
  const { rows } = await db.query<{ locked: boolean }>(TRY_LOCK, [lockClass, partitionId]);
  return rows[0]?.locked === true;
}

const WORKERS = `
  select distinct application_name as name from pg_stat_activity
   where datname = current_database() and pid <> pg_backend_pid()
     and application_name like 'chain-teller%' order by 1`;

/** Sessions of a running worker, whether it leads, stands by or only answers. */
export const readWorkers = async (db: Queryable): Promise<string[]> =>
  (await db.query<{ name: string }>(WORKERS)).rows.map(({ name }) => name);

const RESTORES = `
  select 1 from pg_locks l join pg_stat_activity a using (pid)
   where l.locktype = 'advisory' and l.granted and l.classid = $1::int::oid and l.objid = $2::int::oid
     and l.objsubid = 2 and a.datname = current_database() and a.application_name = $3 limit 1`;

/** What a restore's session calls itself. */
export const RESTORE_SESSION = 'teller restore';

/** Whether the lock is held by a restore, and not by a worker. */
export const isHeldByRestore = async (
  db: Queryable,
  lockClass: number,
  partitionId: number,
): Promise<boolean> =>
  (await db.query(RESTORES, [lockClass, partitionId, RESTORE_SESSION])).rowCount === 1;

const IS_FRESH_CONTROL = `
  select count(*) = 1 as fresh from payout_control
   where payer_epoch = 0 and identity is null and paused_at is null and held_at is null
     and fence_requested_at is null`;

/** Whether the row that the migration made is as it made it. */
export const isFreshControl = async (db: Queryable): Promise<boolean> =>
  (await db.query<{ fresh: boolean }>(IS_FRESH_CONTROL)).rows[0]?.fresh === true;

const NEW_LEADERS = `
  update sync_state set leader_epoch = leader_epoch + 1, leader_token = gen_random_uuid(), updated_at = $1`;
const NEW_PAYER = `
  update payout_control set payer_epoch = payer_epoch + 1, payer_token = gen_random_uuid(), updated_at = $1`;

/** Whoever believes to lead or to pay, from whichever copy, can't write here. */
export async function endTerms(tx: Tx, at: Date): Promise<void> {
  await tx.query(NEW_LEADERS, [at]);
  await tx.query(NEW_PAYER, [at]);
}

const FORGET_HEIGHTS = 'update payment_addresses set watched_from = -1, backfilled_height = null';

/** Addresses without the books they were watched in are watched from the new start on, and asked for again. */
export const watchAnew = (tx: Tx) => tx.query(FORGET_HEIGHTS);

const REQUEST_REBUILD = `
  insert into chain_jobs (partition_id, kind, params, requested_by)
  select partition_id, 'rebuild', '{"from": "origin", "dryRun": false, "after": "restore"}', $1
    from sync_state where started order by partition_id
  returning id::text`;

/** What the backup left out, the leader fills in from the chain. @returns the jobs' ids */
export const requestRebuild = async (tx: Tx, actor: string): Promise<string[]> =>
  (await tx.query<{ id: string }>(REQUEST_REBUILD, [actor])).rows.map(({ id }) => id);

const NOTE_RESTORE = `
  insert into audit_log (created_at, action, entity_type, entity_id, actor, details)
  values ($1, 'database.restored', 'database', 'all', $2, $3)`;

export const noteRestore = (tx: Tx, at: Date, actor: string, details: object) =>
  tx.query(NOTE_RESTORE, [at, actor, JSON.stringify(details)]);

const REBUILD_OF_RESTORE = `
  select j.id::text, j.state, j.problem from chain_jobs j
   where j.kind = 'rebuild' and j.params->>'after' = 'restore' and j.state <> 'done'
     and not exists (select 1 from chain_jobs l
          where l.partition_id = j.partition_id and l.kind = 'rebuild' and l.id > j.id and l.state = 'done'
            and l.params->>'from' = 'origin' and l.params->>'dryRun' = 'false')
   order by j.id limit 1`;

export type RebuildOfRestore = {
  readonly id: string;
  readonly state: 'queued' | 'running' | 'failed' | 'cancelled';
  readonly problem: string | null;
};

/** The one that a restore asked for, as long as neither it nor a later one has filled in what was left out. */
export const rebuildOfRestore = async (db: Queryable): Promise<RebuildOfRestore | null> =>
  (await db.query<RebuildOfRestore>(REBUILD_OF_RESTORE)).rows[0] ?? null;
