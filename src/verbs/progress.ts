import { showSeconds, startLine } from './progress-line.js';
import type { Terminal } from './terminal.js';

export type Progress = {
  /** @param position how far of the total, in the total's own unit */
  advance(count: number, position: number): void;
  stop(): void;
};

const BAR_WIDTH = 24;

/**
 * How much is done, how fast, and how long it will take, with a bar where a person watches.
 *
 * @param total null where it isn't known: then there is no time left either
 */
export function startProgress(
  terminal: Terminal,
  unit: string,
  total: number | null,
  now: () => number,
): Progress {
  const begun = now();
  const line = startLine(terminal, now);
  let done = 0;
  return {
    advance: (count, position) => {
      done += count;
      line.say(() => {
        const elapsedMs = now() - begun;
        const share = total === null || total === 0 ? null : Math.min(1, position / total);
        const text = `${done} ${unit}, ${rateOf(done, elapsedMs)}/s${timeLeft(share, elapsedMs)}`;
        return share === null || !terminal.isInteractive ? text : `${bar(share)} ${text}`;
      });
    },
    stop: line.stop,
  };
}

const rateOf = (done: number, elapsedMs: number): number =>
  Math.round((done * 1000) / Math.max(1, elapsedMs));

function timeLeft(share: number | null, elapsedMs: number): string {
  if (share === null || share === 0) return '';
  const seconds = (elapsedMs * (1 - share)) / share / 1000;
  return `, ${Math.floor(share * 100)} %, ${showSeconds(seconds)} left`;
}

const bar = (share: number): string => {
  const full = Math.round(share * BAR_WIDTH);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}]`;
};
