import type { AskedJob } from '../reconcile/jobs/ask-for-job.js';
import type { Job, JobAhead, JobKind } from '../reconcile/jobs/job-queries.js';
import { readProgress } from '../reconcile/rebuild/rebuild-progress.js';
import { askedWords, awayLine, queuedLine, waitingLine } from './job-words.js';
import { showSeconds, startLine } from './progress-line.js';
import { doingOf } from './rebuild-doing.js';
import { counted, type Terminal } from './terminal.js';

/** How far the job is, for as long as somebody waits for it. */
export function startTelling(terminal: Terminal, now: () => number) {
  const line = startLine(terminal, now);
  let id: string | null = null;
  let total: number | null = null;
  return {
    tell: (job: Job, ahead: JobAhead | null, isLedHere: boolean): void => {
      id = job.id;
      line.say(() => {
        const before = total;
        total = readProgress(job.progress)?.total ?? null;
        return lineOf(job, before, () => waitingLine(`rebuild ${job.id}`, ahead, isLedHere));
      });
    },
    asked: (kind: JobKind, asked: AskedJob): void => {
      const words = askedWords(kind, asked, (job) =>
        lineOf(job, null, () => queuedLine(`rebuild ${job.id}`)),
      );
      if (words !== '') terminal.err(words);
    },
    away: (reason: string): void => {
      line.stop();
      terminal.err(awayLine(id === null ? 'the rebuild' : `rebuild ${id}`, reason));
    },
    stop: line.stop,
  };
}

/** More than come on a chain between two lines: then the books themselves are catching up. */
const GROWTH_AT_TIP_MAX = 5;

/**
 * @param before of how many blocks it was, when it was told last
 * @param waiting what is said while nobody works on it
 */
function lineOf(job: Job, before: number | null, waiting: () => string): string {
  const what = `rebuild ${job.id}`;
  if (job.state !== 'queued' && job.state !== 'running') return `${what}: ${job.state}`;
  if (job.problem !== null) return `${what}: trying again: ${job.problem}`;
  if (job.state === 'queued') return waiting();
  const progress = readProgress(job.progress);
  if (progress === null) return `${what}: looking for the block to begin at`;
  const { stage, done, total, rate, secondsLeft } = progress;
  const doing = doingOf(job, progress);
  const told = `${what}: ${doing}, ${counted(done, 'block')} read`;
  if (stage !== 'reading') return told;
  if (before !== null && total !== null && total - before > GROWTH_AT_TIP_MAX) {
    const pace = `${Math.round(rate)}/s`;
    return `${what}: ${counted(done, 'block')} read, ${pace}; the books are catching up, at ${total} so far`;
  }
  if (total === null)
    return `${what}: ${counted(done, 'block')} read; how many there are is not known yet`;
  if (done === total && done > 0) return told;
  const left = secondsLeft === null ? '' : `, ${showSeconds(secondsLeft)} left`;
  const share = total === 0 ? '' : `, ${Math.floor((done * 100) / total)} %`;
  const again = progress.last === null ? '' : `${doing}: `;
  return `${what}: ${again}${done} of ${total} blocks, ${Math.round(rate)}/s${share}${left}`;
}
