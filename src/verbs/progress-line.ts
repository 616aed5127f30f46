import type { Terminal } from './terminal.js';

const LINE_EVERY_MS = 3_000;
const REDRAW_EVERY_MS = 200;
const CLEAR_LINE = '\r\u001b[K';

/**
 * How far something is: one line that is drawn over where a person watches, else a line every few
 * seconds. What is quicker than that says nothing.
 */
export function startLine(terminal: Terminal, now: () => number) {
  let told = now();
  let drawn = false;
  return {
    /** @param line asked for only where it is told */
    say: (line: () => string): void => {
      const at = now();
      if (at - told < (terminal.isInteractive ? REDRAW_EVERY_MS : LINE_EVERY_MS)) return;
      told = at;
      drawn = terminal.isInteractive;
      terminal.err(drawn ? `${CLEAR_LINE}${line()}` : `${line()}\n`);
    },
    /** Nothing drawn stays; what is told next has the line for itself. */
    stop: (): void => {
      if (drawn) terminal.err(CLEAR_LINE);
      drawn = false;
    },
  };
}

/** `90 s`, `3 min`: nobody waits longer than what is said. */
export const showSeconds = (seconds: number): string =>
  seconds < 120 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
