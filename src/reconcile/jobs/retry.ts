import { describeDatabaseError, isTransient } from '../../database/pool.js';
import { BooksContradict } from '../../sync/contradiction.js';
import { LeftByNode } from '../runs/lost-point.js';

/** A node or database that comes back within half an hour or so is waited for. */
export const ATTEMPTS_MAX = 60;
/** What was asked for is at fault, or a row: it ends in the same way however often it is tried. */
export const LASTING_ATTEMPTS_MAX = 3;
/** Each of them waits by itself, too: a minute and more, in which whoever follows would have gone where the node went. */
export const LEFT_ATTEMPTS_MAX = 6;

/** SQLSTATE classes of values, of constraints, and of statements that can't be done. */
const LASTING_CLASSES = new Set(['22', '23', '42']);

/** Of the program's, or of rows: the same again gives the same. */
const FAULTS = [TypeError, RangeError, SyntaxError, BooksContradict] as const;

/** Whether the work itself fails, and not the way to the node or the database. */
export function isLasting(error: unknown): boolean {
  if (!(error instanceof Error) || isTransient(error) || isTransient(error.cause)) return false;
  if ('code' in error && typeof error.code === 'string') {
    return error.code.length === 5 && LASTING_CLASSES.has(error.code.slice(0, 2));
  }
  return FAULTS.some((fault) => error instanceof fault);
}

/** How often it may end like this. */
export function attemptsFor(error: unknown): number {
  if (error instanceof LeftByNode) return LEFT_ATTEMPTS_MAX;
  return isLasting(error) ? LASTING_ATTEMPTS_MAX : ATTEMPTS_MAX;
}

/** For whoever asked, once it isn't tried any more. */
export function lastingProblem(kind: string, error: unknown): string {
  if (error instanceof LeftByNode) return `${error.message}. ${NOT_FOLLOWED}`;
  const failed = `${describeDatabaseError(error)}: the ${kind} failed ${LASTING_ATTEMPTS_MAX} times`;
  return error instanceof BooksContradict
    ? `${failed} because of it, and another one would too: a person must set that row right; \`teller ` +
        'balance verify` shows what else contradicts it'
    : `${failed}, for a reason that waiting does not mend: a row holds what nobody can read, or teller is at ` +
        'fault. Take a copy of the database, look at `teller balance verify`, and report it';
}

const NOT_FOLLOWED =
  `That was waited for in ${LEFT_ATTEMPTS_MAX} attempts, in vain: \`teller status\` says what keeps whoever follows ` +
  'from it, and nothing can be compared before';
