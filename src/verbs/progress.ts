import type { Terminal } from './terminal.js';

export type Progress = {
  /** @param position how far of the total, in the total's own unit */
  advance(count: number, position: number): void;
  stop(): void;
};

const LINE_EVERY_MS = 3_000;
const REDRAW_EVERY_MS = 200;
const BAR_WIDTH = 24;
const CLEAR_LINE = '\r\u001b[K';

/**
 * How much is done, how fast, and how long it will take: a bar where a person watches, else a line
 * every few seconds. What is quicker than that says nothing.
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
  let told = begun;
  let drawn = false;
  let done = 0;
  return {
    advance: (count, position) => {
      done += count;
      const elapsedMs = now() - begun;
      if (now() - told < (terminal.isInteractive ? REDRAW_EVERY_MS : LINE_EVERY_MS)) return;
      told = now();
      const share = total === null || total === 0 ? null : Math.min(1, position / total);
      const text = `${done} ${unit}, ${rateOf(done, elapsedMs)}/s${timeLeft(share, elapsedMs)}`;
      if (!terminal.isInteractive) return terminal.err(`${text}\n`);
      drawn = true;
      terminal.err(`${CLEAR_LINE}${share === null ? '' : `${bar(share)} `}${text}`);
    },
    stop: () => {
      if (drawn) terminal.err(CLEAR_LINE);
      drawn = false;
    },
  };
}

const rateOf = (done: number, elapsedMs: number): number =>
  Math.round((done * 1000) / Math.max(1, elapsedMs));

function timeLeft(share: number | null, elapsedMs: number): string {
  if (share === null || share === 0) return '';
  const seconds = Math.ceil((elapsedMs * (1 - share)) / share / 1000);
  const shown = seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
  return `, ${Math.floor(share * 100)} %, ${shown} left`;
}

const bar = (share: number): string => {
  const full = Math.round(share * BAR_WIDTH);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}]`;
};
