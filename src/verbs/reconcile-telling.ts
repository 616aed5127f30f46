import type { Job, JobAhead } from '../reconcile/jobs/job-queries.js';
import type { ProgressReport } from '../reconcile/model/proof-events.js';
import { awayLine, waitingLine } from './job-words.js';
import type { Terminal } from './terminal.js';

const LINE_EVERY_MS = 3_000;
const REDRAW_EVERY_MS = 200;
const CLEAR_LINE = '\r\u001b[K';

/** How far a comparison is: drawn over where a person watches, else a line every few seconds. */
export function startTelling(terminal: Terminal, now: () => number) {
  let told = now();
  let drawn = false;
  const say = (line: () => string): void => {
    if (now() - told < (terminal.isInteractive ? REDRAW_EVERY_MS : LINE_EVERY_MS)) return;
    told = now();
    drawn = terminal.isInteractive;
    terminal.err(drawn ? `${CLEAR_LINE}${line()}` : `${line()}\n`);
  };
  const stop = (): void => {
    if (drawn) terminal.err(CLEAR_LINE);
    drawn = false;
  };
  return {
    report: (report: ProgressReport): void => say(() => lineOf(report)),
    tell: (job: Job, ahead: JobAhead | null): void => say(() => jobLine(job, ahead)),
    away: (reason: string): void => {
      stop();
      terminal.err(awayLine('the repair', reason));
    },
    stop,
  };
}

function lineOf({ done, total, rate, secondsLeft, of }: ProgressReport): string {
  const share = total === null || total === 0 ? '' : `, ${Math.floor((done * 100) / total)} %`;
  const left = secondsLeft === null ? '' : `, ${showSeconds(secondsLeft)} left`;
  const pace = `${Math.round(rate)}/s${share}${left}`;
  return of === 'blocks'
    ? `looking in blocks: ${done} of ${total ?? '?'}, ${pace}`
    : `${done} of ${total ?? '?'} outputs and addresses compared, ${pace}`;
}

const showSeconds = (seconds: number): string =>
  seconds < 120 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;

function jobLine(job: Job, ahead: JobAhead | null): string {
  const what = `repair ${job.id}`;
  if (job.state !== 'queued' && job.state !== 'running') return `${what}: ${job.state}`;
  if (job.problem !== null) return `${what}: trying again: ${job.problem}`;
  if (job.state === 'queued') return waitingLine(what, ahead);
  const { done, total, rate, secondsLeft, of } = job.progress;
  if (typeof done !== 'number' || typeof rate !== 'number') return `${what}: under way`;
  const known = (value: unknown) => (typeof value === 'number' ? value : null);
  const report = { done, rate, total: known(total), secondsLeft: known(secondsLeft) };
  return `${what}: ${lineOf(of === 'blocks' ? { ...report, of } : report)}`;
}
