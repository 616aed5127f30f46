/** Where a verb reads its settings and writes its answer. Tests hand in their own. */
export type Terminal = {
  readonly environment: NodeJS.ProcessEnv;
  /** The answer, and with `--json` nothing but JSON. */
  out(text: string): void;
  /** Progress, problems and logs. */
  err(text: string): void;
  /** Whether a person watches `err`, so that a line may be drawn over. */
  readonly isInteractive: boolean;
};

export const EXIT = { done: 0, failed: 1, badUsage: 2, discrepancies: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Wrong arguments; the message names the flag, what was given and what is wanted. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const sayJson = (terminal: Terminal, value: unknown): void =>
  terminal.out(`${JSON.stringify(value)}\n`);

export type Column<R> = readonly [title: string, read: (row: R) => string | number | null];

/** Columns as wide as their content; `-` where there is none. */
export function sayTable<R>(
  terminal: Terminal,
  rows: readonly R[],
  columns: readonly Column<R>[],
): void {
  const lines = [
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, read]) => printable(String(read(row) ?? '-')))),
  ];
  const widths = columns.map((_, index) =>
    Math.max(...lines.map((cells) => cells[index]?.length ?? 0)),
  );
  for (const cells of lines) {
    const padded = cells.map((cell, index) => cell.padEnd(widths[index] ?? 0));
    terminal.out(`${padded.join('  ').trimEnd()}\n`);
  }
}

/** Names and values below each other, for one thing. */
export function sayFields(terminal: Terminal, fields: Readonly<Record<string, unknown>>): void {
  const width = Math.max(...Object.keys(fields).map((name) => name.length));
  for (const [name, value] of Object.entries(fields)) {
    terminal.out(`${name.padEnd(width)}  ${printable(showValue(value))}\n`);
  }
}

const showValue = (value: unknown): string => {
  if (value === null || value === undefined) return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
};

/** User ids and references are anybody's text: an escape sequence in one must not reach the terminal. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });

/** `1 balance`, `2 balances`. */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

const LOVELACE_DIGITS = 6;

/** `1.500000` for 1,500,000 lovelace. */
export function showAda(lovelace: string): string {
  const sign = lovelace.startsWith('-') ? '-' : '';
  const digits = lovelace.replace('-', '').padStart(LOVELACE_DIGITS + 1, '0');
  return `${sign}${digits.slice(0, -LOVELACE_DIGITS)}.${digits.slice(-LOVELACE_DIGITS)}`;
}

/** A unit as people call it: `ada` where amounts are of lovelace. */
export const showUnit = (unit: string): string => (unit === 'lovelace' ? 'ada' : unit);

/** A quantity of a unit, in ada where that is lovelace. */
export const showAmount = (unit: string, quantity: string): string =>
  unit === 'lovelace' ? showAda(quantity) : quantity;
