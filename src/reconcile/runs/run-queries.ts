import type { Point } from '../../chain/point.js';
import type { Queryable, Tx } from '../../database/transaction.js';
import type { ComparisonPoint } from './comparison-point.js';
import type { RunProgress } from './run-progress.js';

export type RunScope = 'full' | 'addresses' | 'continuous';

export type RunStart = {
  readonly partitionId: number;
  readonly scope: RunScope;
  readonly requestedBy: string;
  readonly repair: boolean;
};

const INSERT = `
  insert into reconciliation_runs (partition_id, scope, state, requested_by, repair, progress)
  values ($1, $2, 'running', $3, $4, $5) returning id::text`;

export async function insertRun(
  db: Queryable,
  { partitionId, scope, requestedBy, repair }: RunStart,
  progress: RunProgress,
): Promise<string> {
  const values = [partitionId, scope, requestedBy, repair, JSON.stringify(progress)];
  const { rows } = await db.query<{ id: string }>(INSERT, values);
  const [row] = rows;
  if (row === undefined) throw new Error('an insert returned nothing');
  return row.id;
}

// Whoever worked on it hasn't been heard of, or said that it stopped; however long it was at work until then.
// After an hour of silence its answer would be one about the past.
const RESUMABLE = `
  select r.id::text, r.slot::text, r.block_hash, r.block_height::text, r.progress, r.started_at
    from reconciliation_runs r
   where r.partition_id = $1 and r.scope = 'full' and r.block_hash is not null
     and r.id = (select max(id) from reconciliation_runs where partition_id = $1 and scope = 'full')
     and r.heartbeat_at > now() - interval '1 hour'
     and (r.state = 'failed' or r.state = 'running' and
          ((r.progress ->> 'interrupted')::boolean or r.requested_by = $4::text
           or r.heartbeat_at < now() - $2::bigint * interval '1 second'))
     and ($3::timestamptz is null or r.repair and r.started_at >= $3)`;

/** Longer than anything that keeps a living run from its heartbeat. */
export const SILENT_SECONDS = 60;

export type InterruptedRun = ComparisonPoint & {
  readonly id: string;
  readonly startedAt: Date;
  readonly progress: RunProgress;
};

type InterruptedRow = {
  id: string;
  slot: string;
  block_hash: string;
  block_height: string;
  progress: RunProgress;
  started_at: Date;
};

/** Whose run somebody goes on with who knows that nobody else can be at work on it. */
export type ResumeAtOnce =
  /** Only that of a repair which was begun since then, by whoever may begin one no more. */
  | { readonly repairBegunSince: Date }
  /** However lately it was heard of: a name under which one acts alone, as the leader does. */
  | { readonly ownName: string };

/** The last full run, where it was interrupted within the hour and nobody works on it any more. */
export async function interruptedRun(
  db: Queryable,
  partitionId: number,
  atOnce: ResumeAtOnce | null = null,
): Promise<InterruptedRun | null> {
  const repairBegunSince =
    atOnce !== null && 'repairBegunSince' in atOnce ? atOnce.repairBegunSince : null;
  const { rows } = await db.query<InterruptedRow>(RESUMABLE, [
    partitionId,
    repairBegunSince === null ? SILENT_SECONDS : 0,
    repairBegunSince,
    atOnce !== null && 'ownName' in atOnce ? atOnce.ownName : null,
  ]);
  const [row] = rows;
  if (row === undefined) return null;
  const point = { slot: Number(row.slot) as Point['slot'], id: row.block_hash };
  return {
    id: row.id,
    point,
    height: Number(row.block_height),
    startedAt: row.started_at,
    progress: row.progress,
  };
}

const UNDER_WAY = `
  select id::text, requested_by as "requestedBy", heartbeat_at as "heardAt",
         extract(epoch from clock_timestamp() - heartbeat_at)::float8 as "silentSeconds"
    from reconciliation_runs
   where partition_id = $1 and scope = 'full' and state = 'running'
     and not coalesce((progress ->> 'interrupted')::boolean, false)
   order by reconciliation_runs.id desc limit 1`;

/** A full run that somebody works on, or that was killed. */
export type RunUnderWay = {
  readonly id: string;
  readonly requestedBy: string;
  readonly heardAt: Date;
  readonly silentSeconds: number;
};

export const runUnderWay = async (
  db: Queryable,
  partitionId: number,
): Promise<RunUnderWay | null> =>
  (await db.query<RunUnderWay>(UNDER_WAY, [partitionId])).rows[0] ?? null;

const TAKE_OVER = `
  update reconciliation_runs
     set state = 'running', problem = null, finished_at = null, heartbeat_at = now(),
         repair = $5, progress = $4::jsonb, requested_by = $6
   where id = $1 and progress ->> 'runner' = $2 and state in ('running', 'failed') and partition_id = $3`;

/** From now on it is asked for by whoever goes on with it. @returns false where another one took it over first */
export async function takeOver(
  db: Queryable,
  { partitionId, repair, requestedBy }: Omit<RunStart, 'scope'>,
  { id, progress }: InterruptedRun,
  mine: RunProgress,
): Promise<boolean> {
  const values = [id, progress.runner, partitionId, JSON.stringify(mine), repair, requestedBy];
  return (await db.query(TAKE_OVER, values)).rowCount === 1;
}

const ABANDON = `
  update reconciliation_runs
     set state = 'abandoned', finished_at = now(), problem = coalesce(problem, 'it was interrupted')
   where partition_id = $1 and state = 'running' and id <> $2
     and ((progress ->> 'interrupted')::boolean or heartbeat_at < now() - $3::bigint * interval '1 second')`;

/** What nobody will go on with: only the last full run is gone on with. */
export const abandonOthers = (db: Queryable, partitionId: number, id: string) =>
  db.query(ABANDON, [partitionId, id, SILENT_SECONDS]);

const BEGIN_AT = `
  update reconciliation_runs
     set slot = $3, block_hash = $4, block_height = $5, progress = $6, matched = 0, heartbeat_at = now()
   where id = $1 and progress ->> 'runner' = $2 and state = 'running'`;

export const beginAt = async (
  tx: Tx,
  id: string,
  { point, height }: ComparisonPoint,
  progress: RunProgress,
): Promise<boolean> => {
  const values = [id, progress.runner, point.slot, point.id, height, JSON.stringify(progress)];
  return (await tx.query(BEGIN_AT, values)).rowCount === 1;
};

const SAVE = `
  update reconciliation_runs set progress = $3, matched = $4, addresses = $5, heartbeat_at = now()
   where id = $1 and progress ->> 'runner' = $2 and state = 'running'`;

/** @returns false where somebody else goes on with this run: nothing may be committed */
export const saveRun = async (tx: Tx, id: string, progress: RunProgress): Promise<boolean> => {
  const { runner, matched, addresses } = progress;
  const values = [id, runner, JSON.stringify(progress), matched, addresses];
  return (await tx.query(SAVE, values)).rowCount === 1;
};

const HEARTBEAT = `
  update reconciliation_runs set heartbeat_at = now()
   where id = $1 and progress ->> 'runner' = $2 and state = 'running'`;

export const heartbeat = (db: Queryable, id: string, runner: string) =>
  db.query(HEARTBEAT, [id, runner]);

const INTERRUPT = `
  update reconciliation_runs set progress = progress || '{"interrupted": true}', heartbeat_at = now()
   where id = $1 and progress ->> 'runner' = $2 and state = 'running'`;

/** It stops in the middle: the next one goes on at once. */
export const markInterrupted = (db: Queryable, id: string, runner: string) =>
  db.query(INTERRUPT, [id, runner]);

const FAIL = `
  update reconciliation_runs set state = 'failed', problem = $3, finished_at = now(), heartbeat_at = now()
   where id = $1 and progress ->> 'runner' = $2 and state = 'running'`;

export const markFailed = (db: Queryable, id: string, runner: string, problem: string) =>
  db.query(FAIL, [id, runner, problem]);

const FINISH = `
  update reconciliation_runs r
     set state = 'finished', finished_at = now(), heartbeat_at = now(), totals = $3, problem = $4,
         missing = found.missing, extra = found.extra, mismatched = found.mismatched
    from (select count(*) filter (where type = 'missing_in_db') as missing,
                 count(*) filter (where type = 'extra_in_db') as extra,
                 count(*) filter (where type not in ('missing_in_db', 'extra_in_db')) as mismatched
            from reconciliation_discrepancies where run_id = $1) as found
   where r.id = $1 and r.progress ->> 'runner' = $2 and r.state = 'running'`;

export const finishRun = async (
  tx: Tx,
  id: string,
  runner: string,
  totals: unknown,
  problem: string | null,
): Promise<boolean> =>
  (await tx.query(FINISH, [id, runner, JSON.stringify(totals), problem])).rowCount === 1;
