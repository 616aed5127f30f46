import { CommanderError } from 'commander';
import { ConfigError } from '../config.js';
import { SchemaError } from '../database/migrate.js';
import { describeDatabaseError, isTransient } from '../database/pool.js';
import { IdTaken } from '../database/sequence-queries.js';
import { CursorError } from '../payments/pages.js';
import { ControlSpoilt } from '../payouts/model/control-row.js';
import { BackupError } from '../reconcile/backup/backup-error.js';
import { RebuildImpossible } from '../reconcile/rebuild/rebuild-parts.js';
import { NotComparable } from '../reconcile/runs/comparison-point.js';
import { UnfinishedBooksError } from '../reconcile/verify/unfinished-books.js';
import { WrongDatabase } from '../sync/worker.js';
import { NodeAway } from './asked-node.js';
import { Interrupted } from './interruption.js';
import { JobLeft } from './job-words.js';
import { StillAtWork } from './reconcile-resuming.js';
import { EXIT, type ExitCode, UsageError } from './terminal.js';

export type Failure = { readonly exitCode: ExitCode; readonly message: string };

/** Failures whose message is all that a person has to know. */
const SAYS_ALL = [
  ControlSpoilt,
  IdTaken,
  Interrupted,
  JobLeft,
  NodeAway,
  NotComparable,
  RebuildImpossible,
  SchemaError,
  StillAtWork,
  UnfinishedBooksError,
] as const;

/** What a person has to know of an error, without a stack where it isn't a fault of ours. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError) {
    // Help and version come as errors too, and were printed already, like every message of commander's.
    return { exitCode: error.exitCode === 0 ? EXIT.done : EXIT.badUsage, message: '' };
  }
  if (error instanceof ConfigError) {
    const problems = error.problems.map((problem) => `  ${problem}\n`).join('');
    return { exitCode: EXIT.badUsage, message: `the configuration can't be used:\n${problems}` };
  }
  if (error instanceof WrongDatabase) {
    return { exitCode: EXIT.badUsage, message: `DATABASE_URL: ${error.message}` };
  }
  if (error instanceof UsageError) return { exitCode: EXIT.badUsage, message: error.message };
  if (error instanceof CursorError) {
    return { exitCode: EXIT.badUsage, message: `--cursor: ${error.message}` };
  }
  if (error instanceof BackupError) {
    const exitCode = error.fault === 'setting' ? EXIT.badUsage : EXIT.failed;
    return { exitCode, message: error.message };
  }
  if (error instanceof Error && SAYS_ALL.some((kind) => error instanceof kind)) {
    return { exitCode: EXIT.failed, message: error.message };
  }
  const message = listenMessage(error) ?? databaseMessage(error) ?? faultMessage(error);
  return { exitCode: EXIT.failed, message };
}

function listenMessage(error: unknown): string | undefined {
  const isListen = error instanceof Error && 'syscall' in error && error.syscall === 'listen';
  return isListen ? `HTTP_HOST, HTTP_PORT: can't listen there: ${error.message}` : undefined;
}

/** Where migrations are pending, that is told instead. */
const LACKING =
  'of teller is missing though no migration is pending: another hand took it away; restore a backup';

/** SQLSTATEs that a person can do something about. */
const DATABASE_ADVICE: Readonly<Record<string, string>> = {
  '28000': 'the database refuses this user',
  '28P01': 'the database refuses this user or password',
  '3D000': 'the database does not exist',
  '42501': 'the database user may not do this',
  '42P01': `a table ${LACKING}`,
  '42703': `a column ${LACKING}`,
};

function databaseMessage(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error ? String(error.code) : '';
  const advice = DATABASE_ADVICE[code];
  if (advice !== undefined) return `${advice} (${describeDatabaseError(error)})`;
  if (!isTransient(error)) return undefined;
  return `the database can't be reached: ${describeDatabaseError(error)}`;
}

const faultMessage = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
