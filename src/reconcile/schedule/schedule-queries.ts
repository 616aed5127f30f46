import type { Queryable, Tx } from '../../database/transaction.js';
import type { Remembered } from './schedule-step.js';

const READ = `
  select last_due as "lastDue", attempt, last_outcome as outcome, last_finished_at as "endedAt"
    from schedules where name = $1`;

export const readSchedule = async (db: Queryable, name: string): Promise<Remembered | null> =>
  (await db.query<Remembered>(READ, [name])).rows[0] ?? null;

export type Attempt = { readonly name: string; readonly due: Date; readonly attempt: number };

/**
 * Each (due time, attempt) is taken at most once, and none after a later one. A time that no clock shows was never due:
 * another hand wrote it, and it is read as long past.
 */
const CLAIM = `
  insert into schedules as s (name, last_due, attempt, last_outcome)
  values ($1, $2, $3, case $3::int when 0 then 'noted' else 'running' end)
  on conflict (name) do update
     set last_due = excluded.last_due, attempt = excluded.attempt, last_outcome = excluded.last_outcome,
         last_finished_at = null, problem = null
   where (s.last_due, s.attempt) < (excluded.last_due, excluded.attempt) or s.last_due > '9999-12-31'`;

/** @returns false where somebody else has it */
export const claim = async (tx: Tx, { name, due, attempt }: Attempt): Promise<boolean> =>
  (await tx.query(CLAIM, [name, due, attempt])).rowCount === 1;

const END = `
  update schedules set last_outcome = $4, problem = $5, last_finished_at = $6
   where name = $1 and last_due = $2 and attempt = $3 and last_outcome = 'running'`;

/** @param problem null where it was done */
export const endAttempt = (
  db: Queryable,
  { name, due, attempt }: Attempt,
  problem: string | null,
  at: Date,
) => db.query(END, [name, due, attempt, problem === null ? 'done' : 'failed', problem, at]);

const LIST = `
  select name, last_due as "lastDue", last_finished_at as "lastFinishedAt", last_outcome as "lastOutcome",
         problem
    from schedules order by name`;

export type ScheduleRow = {
  readonly name: string;
  readonly lastDue: Date;
  readonly lastFinishedAt: Date | null;
  readonly lastOutcome: Remembered['outcome'];
  readonly problem: string | null;
};

export const readSchedules = async (db: Queryable): Promise<ScheduleRow[]> =>
  (await db.query<ScheduleRow>(LIST)).rows;
