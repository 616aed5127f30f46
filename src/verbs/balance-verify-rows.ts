import { type Column, sayTable, type Terminal } from './terminal.js';

/** What a person reads of each kind; `--json` has more. */
const SHOWN_MAX = 20;

type Found<R> = { readonly count: number; readonly shown: readonly R[] };

export function sayFound<R>(
  terminal: Terminal,
  found: Found<R>,
  what: string,
  columns: readonly Column<R>[],
): void {
  if (found.count === 0) return;
  terminal.out(`${found.count} × ${what}\n`);
  sayRows(terminal, found, columns);
}

export function sayRows<R>(
  terminal: Terminal,
  found: Found<R>,
  columns: readonly Column<R>[],
): void {
  sayTable(terminal, found.shown.slice(0, SHOWN_MAX), columns);
  const more = found.count - Math.min(found.shown.length, SHOWN_MAX);
  if (more > 0) terminal.out(`and ${more} more: --json shows up to 1000\n`);
}
