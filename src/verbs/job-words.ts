import type { AskedJob } from '../reconcile/jobs/ask-for-job.js';
import type { Job, JobAhead, JobKind } from '../reconcile/jobs/job-queries.js';
import { printable } from './terminal.js';

/**
 * What was asked for already; nothing where that is nothing.
 *
 * @param lineOf how far such a job is
 */
export function askedWords(
  kind: JobKind,
  { id, followed, ahead }: AskedJob,
  lineOf: (job: Job) => string,
): string {
  if (followed === null) {
    return ahead.map((job) => `${kind} ${id} is queued behind ${introduce(job)}\n`).join('');
  }
  const since = followed.state === 'running' ? CHANGED_SINCE : '';
  return `following ${introduce(followed)}${since}\n${lineOf(followed)}\n`;
}

const CHANGED_SINCE = ': what changed since it began may not be in it, ask again once it has ended';

const introduce = (job: Job): string =>
  `${job.kind} ${job.id}${flagsOf(job)}, which ${printable(job.requestedBy)} asked for at ` +
  job.requestedAt.toISOString();

/** As they are typed. */
function flagsOf({ kind, params: { from, dryRun, addresses } }: Job): string {
  if (kind === 'repair') return Array.isArray(addresses) ? ' of some addresses' : '';
  if (typeof from !== 'string') return '';
  return ` (--from ${printable(from)}${dryRun === true ? ' --dry-run' : ''})`;
}

/** Where whoever asked for a job looks for it later. */
const LOOK_AT: Readonly<Record<JobKind, (id: string) => string>> = {
  rebuild: (id) =>
    `look at it with \`teller rebuild status\`, end it with \`teller rebuild cancel ${id}\``,
  repair: () => 'once it has ended, `teller reconcile list` shows what it found',
};

/**
 * What becomes of a job that nobody waits for any longer.
 *
 * @param ledHere whether the process that waited was the one that leads: then nobody does now
 */
export function leftWords(kind: JobKind, id: string, ledHere: boolean): string {
  const heir = ledHere
    ? 'the next leader: start `teller run`'
    : 'whoever leads: where nobody does, start `teller run`';
  return `${kind} ${id} goes on where it was with ${heir}\n${LOOK_AT[kind](id)}`;
}

/** Nobody waits for the job any longer, because it can't be seen; the message says what becomes of it. */
export class JobLeft extends Error {
  override readonly name = 'JobLeft';
}

/** @param what the job and its number, where it is known */
export const awayLine = (what: string, reason: string): string =>
  `the database can't be reached (${reason}): trying again for a minute; ${what} is kept\n`;

/** Before anybody has looked what it waits for. */
export const queuedLine = (what: string): string => `${what}: queued`;

/**
 * What a job that nobody works on yet waits for.
 *
 * @param isLedHere whether that is this very process
 */
export function waitingLine(what: string, ahead: JobAhead | null, isLedHere: boolean): string {
  if (ahead === null)
    return `${what}: ${isLedHere ? 'about to begin' : 'waiting for whoever leads'}`;
  const before = `${ahead.kind} ${ahead.id}`;
  return isLedHere
    ? `${what}: doing ${before} first, which was asked for before and hadn't ended`
    : `${what}: waiting for ${before}`;
}
