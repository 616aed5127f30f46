import type { JobOutOfSight } from '../reconcile/jobs/follow-job.js';
import type { JobAhead, JobKind } from '../reconcile/jobs/job-queries.js';

/** Where whoever asked for a job looks for it later. */
const LOOK_AT: Readonly<Record<JobKind, string>> = {
  rebuild: 'teller rebuild status',
  repair: 'teller reconcile list',
};

/** Nobody waits for the job any longer, and it goes on; the message says where to look for it. */
export class JobLeft extends Error {
  override readonly name = 'JobLeft';
  constructor(kind: JobKind, id: string, { message, state }: JobOutOfSight) {
    super(
      `${message}\n${kind} ${id} is ${state} and goes on without this command: \`${LOOK_AT[kind]}\``,
    );
  }
}

/** @param what the job and its number, where it is known */
export const awayLine = (what: string, reason: string): string =>
  `the database can't be reached (${reason}): trying again for a minute; ${what} goes on\n`;

/** What a job that nobody works on yet waits for. */
export const waitingLine = (what: string, ahead: JobAhead | null): string =>
  `${what}: waiting for ${ahead === null ? 'whoever leads' : `${ahead.kind} ${ahead.id}`}`;
