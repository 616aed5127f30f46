import { type Command, InvalidArgumentError } from 'commander';
import { PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX } from '../payments/pages.js';
import { EXIT, type ExitCode, type Terminal } from './terminal.js';

/** How a verb ends: actions report here, because commander drops what they return. */
export type Outcome = { exitCode: ExitCode };

export type VerbContext = { readonly terminal: Terminal; readonly outcome: Outcome };

/** Every verb: `--json`, and an example in its help. */
export const withExample = (command: Command, ...examples: readonly string[]): Command =>
  command
    .option('--json', 'print JSON on stdout, and nothing else there')
    .addHelpText('after', `\nExample:\n${examples.map((line) => `  $ ${line}\n`).join('')}`);

export const pageFlags = (command: Command): Command =>
  command
    .option(
      '--limit <number>',
      `how many to list, at most ${PAGE_LIMIT_MAX}`,
      wholeNumber(1, PAGE_LIMIT_MAX),
      PAGE_LIMIT_DEFAULT,
    )
    .option('--cursor <text>', 'where the page before ended');

export type PageFlags = { readonly limit: number; readonly cursor?: string };
export type JsonFlag = { readonly json?: boolean };

export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Wanted a whole number, ${least} to ${most}.`);
  };

export function time(text: string): Date {
  const value = new Date(text);
  if (/^\d{4}-\d\d-\d\d(T|$)/.test(text) && !Number.isNaN(value.getTime())) return value;
  throw new InvalidArgumentError('Wanted ISO 8601, like 2026-01-31 or 2026-01-31T12:00:00Z.');
}

/** Says that there is more, where a person reads. */
export function sayNextPage(terminal: Terminal, nextCursor: string | null): void {
  if (nextCursor !== null) terminal.err(`there are more: --cursor ${nextCursor}\n`);
}

export const finish = (context: VerbContext, exitCode: ExitCode = EXIT.done): void => {
  context.outcome.exitCode = exitCode;
};
