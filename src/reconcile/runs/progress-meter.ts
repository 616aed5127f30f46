import type { ProgressReport } from '../model/proof-events.js';

/** Told at most so often. */
const TELL_EVERY_MS = 200;

/** How far something is, how fast it goes, and how long it will take at that rate. */
export function createMeter(
  total: number | null,
  already: number,
  clock: () => number,
  tell: (report: ProgressReport) => void,
): (done: number) => void {
  const begun = clock();
  let told = Number.NEGATIVE_INFINITY;
  let done = 0;
  return (more) => {
    done += more;
    const now = clock();
    if (now - told < TELL_EVERY_MS) return;
    told = now;
    const rate = (done * 1000) / Math.max(1, now - begun);
    const left = total === null ? null : Math.max(0, total - already - done);
    tell({
      done: already + done,
      total: total === null ? null : Math.max(total, already + done),
      rate,
      secondsLeft: left === null || rate === 0 ? null : left / rate,
    });
  };
}
