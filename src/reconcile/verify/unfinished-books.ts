import type { Queryable } from '../../database/transaction.js';
import { rebuildOfRestore } from '../backup/restore-queries.js';

/** Books that can't be verified yet; the message says until when. */
export class UnfinishedBooksError extends Error {
  override readonly name = 'UnfinishedBooksError';
}

/**
 * After a restore of what is critical the settled payments are missing until a rebuild has filled them in:
 * every entry of theirs would be told as a mismatch.
 *
 * @throws UnfinishedBooksError where that rebuild isn't done
 */
export async function refuseUnfinishedBooks(db: Queryable): Promise<void> {
  const job = await rebuildOfRestore(db);
  if (job === null) return;
  if (job.state === 'queued' || job.state === 'running') {
    throw new UnfinishedBooksError(
      `the books are being made again by rebuild job ${job.id}, after a restore (it is ${job.state}): verify them once it has ended`,
    );
  }
  const why = job.problem === null ? '' : ` (${job.problem})`;
  throw new UnfinishedBooksError(
    `rebuild job ${job.id}, which makes the books again after a restore, is ${job.state}${why}: run \`teller rebuild --from origin\`, then verify them`,
  );
}
