import type { Queryable } from '../../database/transaction.js';
import { type RebuildOfRestore, rebuildOfRestore } from '../backup/restore-queries.js';

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
  if (isUnderWay(job)) throw new UnfinishedBooksError(untilItEnded(job));
  const why = job.problem === null ? '' : ` (${job.problem})`;
  throw new UnfinishedBooksError(
    `rebuild job ${job.id}, which makes the books again after a restore, is ${job.state}${why}: run \`teller rebuild --from origin\`, then verify them`,
  );
}

/** The same of books that are finished without anybody's doing, told and not thrown; null where nothing is awaited. */
export async function booksBeingMade(db: Queryable): Promise<string | null> {
  const job = await rebuildOfRestore(db);
  return job !== null && isUnderWay(job) ? untilItEnded(job) : null;
}

const isUnderWay = ({ state }: RebuildOfRestore): boolean =>
  state === 'queued' || state === 'running';

const untilItEnded = ({ id, state }: RebuildOfRestore): string =>
  `the books are being made again by rebuild job ${id}, after a restore (it is ${state}): verify them once it has ended`;
