import type { Queryable, Tx } from '../../database/transaction.js';

/** What only a leader may do, asked for by anybody. */
export type JobKind = 'rebuild' | 'repair';
export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** JSON, as the kinds define it. */
export type JobFields = Readonly<Record<string, unknown>>;

export type Job = {
  readonly id: string;
  readonly kind: JobKind;
  readonly params: JobFields;
  readonly state: JobState;
  readonly requestedBy: string;
  readonly requestedAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly heartbeatAt: Date | null;
  readonly progress: JobFields;
  readonly result: JobFields | null;
  /** Why it failed, or what it is waiting for. */
  readonly problem: string | null;
};

// Ordered by `chain_jobs.id` where it is: the bare name is the text, in which 9 comes after 10.
const COLUMNS = `
  id::text, kind, params, state, requested_by as "requestedBy", requested_at as "requestedAt",
  started_at as "startedAt", finished_at as "finishedAt", heartbeat_at as "heartbeatAt", progress,
  result, problem`;

const REQUEST = `
  insert into chain_jobs (partition_id, kind, params, requested_by)
  values ($1, $2, $3, $4) returning id::text`;

export type JobRequest = {
  readonly partitionId: number;
  readonly kind: JobKind;
  readonly params: JobFields;
  readonly requestedBy: string;
};

/** @returns its id */
export async function requestJob(db: Queryable, request: JobRequest): Promise<string> {
  const { rows } = await db.query<{ id: string }>(REQUEST, [
    request.partitionId,
    request.kind,
    JSON.stringify(request.params),
    request.requestedBy,
  ]);
  const [row] = rows;
  if (row === undefined) throw new Error('an insert returned nothing');
  return row.id;
}

const ASKING_LOCK_CLASS = 0x61736b00; // "ask"

/** Until the transaction ends nobody else who takes it looks for a job and adds one. */
export const lockAsking = (tx: Tx, partitionId: number) =>
  tx.query('select pg_advisory_xact_lock($1, $2)', [ASKING_LOCK_CLASS, partitionId]);

/** Null where there is none of that number. */
export async function readJob(db: Queryable, id: string): Promise<Job | null> {
  const { rows } = await db.query<Job>(`select ${COLUMNS} from chain_jobs where id = $1`, [id]);
  return rows[0] ?? null;
}

const AHEAD = `
  select a.id::text, a.kind from chain_jobs a
    join chain_jobs waiting on waiting.id = $1 and waiting.partition_id = a.partition_id
   where a.state = 'running' and a.id < waiting.id order by a.id limit 1`;

/** What somebody works on before this one, one after the other. */
export type JobAhead = Pick<Job, 'id' | 'kind'>;

/** Null where nobody works on anything: then it waits for somebody who does. */
export const jobAhead = async (db: Queryable, id: string): Promise<JobAhead | null> =>
  (await db.query<JobAhead>(AHEAD, [id])).rows[0] ?? null;

const OPEN = `select ${COLUMNS} from chain_jobs
   where partition_id = $1 and state in ('queued', 'running') order by chain_jobs.id`;

/** Oldest first: the order in which they are done. */
export const openJobs = async (db: Queryable, partitionId: number): Promise<Job[]> =>
  (await db.query<Job>(OPEN, [partitionId])).rows;

const LATEST = `select ${COLUMNS} from chain_jobs
   where partition_id = $1 and kind = $2 order by chain_jobs.id desc limit $3`;

/** Newest first. */
export const latestJobs = async (
  db: Queryable,
  partitionId: number,
  kind: JobKind,
  limit: number,
): Promise<Job[]> => (await db.query<Job>(LATEST, [partitionId, kind, limit])).rows;

// Only a leader takes one, behind its fence: who worked on it before leads no more.
const TAKE = `
  update chain_jobs
     set state = 'running', runner = $2, heartbeat_at = now(), problem = null,
         started_at = coalesce(started_at, now())
   where id = (select min(id) from chain_jobs
                where partition_id = $1 and state in ('queued', 'running'))
  returning ${COLUMNS}`;

export type TakenJob = Job & { readonly startedAt: Date };

/** The oldest one that is open; whoever worked on it can't go on. */
export const takeJob = async (
  tx: Tx,
  partitionId: number,
  runner: string,
): Promise<TakenJob | null> =>
  (await tx.query<TakenJob>(TAKE, [partitionId, runner])).rows[0] ?? null;

// Who gets on isn't waiting for anything any more.
const SAVE = `
  update chain_jobs set progress = $3, problem = null, heartbeat_at = now()
   where id = $1 and runner = $2 and state = 'running'`;

/** @returns false where somebody else works on it, or it was cancelled: nothing may be committed */
export const saveProgress = async (
  db: Queryable,
  id: string,
  runner: string,
  progress: JobFields,
): Promise<boolean> =>
  (await db.query(SAVE, [id, runner, JSON.stringify(progress)])).rowCount === 1;

const END = `
  update chain_jobs
     set state = $3, result = $4, problem = $5, finished_at = now(), heartbeat_at = now()
   where id = $1 and runner = $2 and state = 'running'`;

export const endJob = async (
  db: Queryable,
  id: string,
  runner: string,
  end:
    | { readonly state: 'done'; readonly result: JobFields }
    | { readonly state: 'failed'; readonly problem: string },
): Promise<boolean> =>
  (
    await db.query(END, [
      id,
      runner,
      end.state,
      end.state === 'done' ? JSON.stringify(end.result) : null,
      end.state === 'failed' ? end.problem : null,
    ])
  ).rowCount === 1;

const NOTE_PROBLEM = `
  update chain_jobs set problem = $3, heartbeat_at = now()
   where id = $1 and runner = $2 and state = 'running'`;

/** What it is waiting for, while it is tried again. */
export const noteProblem = (db: Queryable, id: string, runner: string, problem: string) =>
  db.query(NOTE_PROBLEM, [id, runner, problem]);

const CANCEL = `
  update chain_jobs set state = 'cancelled', finished_at = now(), problem = $2
   where id = $1 and state in ('queued', 'running')`;

/** @returns false where it had ended already */
export const cancelJob = async (db: Queryable, id: string, reason: string): Promise<boolean> =>
  (await db.query(CANCEL, [id, reason])).rowCount === 1;
