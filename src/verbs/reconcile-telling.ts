import type { AskedJob } from '../reconcile/jobs/ask-for-job.js';
import type { Job, JobAhead, JobKind } from '../reconcile/jobs/job-queries.js';
import type { ProgressReport } from '../reconcile/model/proof-events.js';
import { askedWords, awayLine, queuedLine, waitingLine } from './job-words.js';
import { showSeconds, startLine } from './progress-line.js';
import type { Terminal } from './terminal.js';

/** How far a comparison is, or a repair that somebody else does. */
export function startTelling(terminal: Terminal, now: () => number) {
  const line = startLine(terminal, now);
  return {
    report: (report: ProgressReport): void => line.say(() => lineOf(report)),
    tell: (job: Job, ahead: JobAhead | null, isLedHere: boolean): void =>
      line.say(() => jobLine(job, () => waitingLine(`repair ${job.id}`, ahead, isLedHere))),
    asked: (kind: JobKind, asked: AskedJob): void => {
      const words = askedWords(kind, asked, (job) =>
        jobLine(job, () => queuedLine(`repair ${job.id}`)),
      );
      if (words !== '') terminal.err(words);
    },
    away: (reason: string): void => {
      line.stop();
      terminal.err(awayLine('the repair', reason));
    },
    waiting: (seconds: number): void =>
      line.say(() => `waiting for the node's answer, ${showSeconds(seconds)} by now`),
    askedAgain: (reason: string): void => {
      line.stop();
      terminal.err(`asking the node again, it gave no answer: ${reason}\n`);
    },
    stop: line.stop,
  };
}

function lineOf({ done, total, rate, secondsLeft, of }: ProgressReport): string {
  if (total === 0)
    return of === 'blocks' ? 'no block to look in' : 'nothing is recorded to compare';
  const share = total === null || total === 0 ? '' : `, ${Math.floor((done * 100) / total)} %`;
  const left = secondsLeft === null ? '' : `, ${showSeconds(secondsLeft)} left`;
  const pace = `${Math.round(rate)}/s${share}${left}`;
  return of === 'blocks'
    ? `looking in blocks: ${done} of ${total ?? '?'}, ${pace}`
    : `${done} of ${total ?? '?'} outputs and addresses compared, ${pace}`;
}

/** @param waiting what is said while nobody works on it */
function jobLine(job: Job, waiting: () => string): string {
  const what = `repair ${job.id}`;
  if (job.state !== 'queued' && job.state !== 'running') return `${what}: ${job.state}`;
  if (job.problem !== null) return `${what}: trying again: ${job.problem}`;
  if (job.state === 'queued') return waiting();
  const { done, total, rate, secondsLeft, of } = job.progress;
  if (typeof done !== 'number' || typeof rate !== 'number') return `${what}: under way`;
  const known = (value: unknown) => (typeof value === 'number' ? value : null);
  const report = { done, rate, total: known(total), secondsLeft: known(secondsLeft) };
  return `${what}: ${lineOf(of === 'blocks' ? { ...report, of } : report)}`;
}
