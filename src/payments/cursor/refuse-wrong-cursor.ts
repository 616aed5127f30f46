import type { Queryable } from '../../database/transaction.js';
import { BooksContradict } from '../../sync/contradiction.js';
import { readCursorProblem } from './cursor-queries.js';
import { remedyOf } from './judge-cursor.js';

/**
 * A lost cursor must not look like a new database, which would start wherever START_POINT says.
 *
 * @throws BooksContradict where another hand changed the cursor, and the chain doesn't tell where the books are
 */
export async function refuseWrongCursor(db: Queryable, partitionId: number): Promise<void> {
  const problem = await readCursorProblem(db, partitionId);
  if (problem === null || problem.isMended) return;
  throw new BooksContradict([problem.wrong], `${remedyOf(problem)}.`);
}
