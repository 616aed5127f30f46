import type { Cursor } from '../../sync/events.js';
import type { RebuildContext } from './rebuild-parts.js';
import { heightOf, type RebuildProgress } from './rebuild-progress.js';

const TELL_EVERY_MS = 2_000;

/** How fast a rebuild reads, and how long it will take; told every few seconds. */
export function createPace(
  { observe, now, job }: Pick<RebuildContext, 'observe' | 'now' | 'job'>,
  begun: RebuildProgress,
) {
  const startedMs = now().getTime();
  let toldMs = startedMs;
  return {
    /** @param cursor where the books are, and so where reading ends */
    moved(progress: RebuildProgress, cursor: Cursor): RebuildProgress {
      const ms = now().getTime();
      const seconds = (ms - startedMs) / 1000;
      const bottom = heightOf(progress.from) ?? -1;
      const done = Math.max(0, (heightOf(progress.at) ?? bottom) - bottom);
      const total = cursor.height === null ? null : Math.max(done, cursor.height - bottom);
      // Of this term alone: what was read by somebody else, perhaps yesterday, says nothing of today.
      const rate = seconds === 0 ? 0 : Math.max(0, done - begun.done) / seconds;
      // Once all is read, what is left to do isn't counted in blocks.
      const secondsLeft =
        total === null || rate === 0 || total === done ? null : (total - done) / rate;
      if (ms - toldMs >= TELL_EVERY_MS) {
        toldMs = ms;
        observe({ type: 'rebuild_progress', jobId: job.id, done, total, rate, secondsLeft });
      }
      return { ...progress, done, total, rate, secondsLeft, seconds: begun.seconds + seconds };
    },
  };
}
