import { describeDatabaseError, isTransient } from '../../database/pool.js';
import { BooksContradict } from '../../sync/contradiction.js';

/** A node or database that comes back within half an hour or so is waited for. */
export const ATTEMPTS_MAX = 60;
/** What was asked for is at fault, or a row: it ends in the same way however often it is tried. */
export const LASTING_ATTEMPTS_MAX = 3;

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

/** For whoever asked, once it isn't tried any more. */
export function lastingProblem(kind: string, error: unknown): string {
  const failed = `${describeDatabaseError(error)}: the ${kind} failed ${LASTING_ATTEMPTS_MAX} times`;
  return error instanceof BooksContradict
    ? `${failed} because of it, and another one would too: a person must set that row right; \`teller ` +
        'balance verify` shows what else contradicts it'
    : `${failed}, for a reason that waiting does not mend: a row holds what nobody can read, or teller is at ` +
        'fault. Take a copy of the database, look at `teller balance verify`, and report it';
}
