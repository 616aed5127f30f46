import { Command, Option } from 'commander';
import { wholeNumber } from '../src/verbs/flags.js';

const BAD_USAGE = 2;

/** What a bench is given; a flag that it doesn't know ends it here, before anything is started. */
export const benchCommand = (name: string, measures: string): Command =>
  new Command(`npm run bench -- ${name}`)
    .description(measures)
    .showHelpAfterError('(--help shows what there is)')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : BAD_USAGE));

const MOST = 1_000_000_000;

export const howMany = (flag: string, usual: number, what: string, least = 1): Option =>
  new Option(`--${flag} <number>`, what)
    .argParser(wholeNumber(least, MOST))
    .default(usual, usual.toLocaleString('en'));

export const asJson = (): Option =>
  new Option('--json', 'print one JSON object with the figures, and nothing else there');
