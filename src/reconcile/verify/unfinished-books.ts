import type { Queryable } from '../../database/transaction.js';
import { type RebuildOfRestore, rebuildOfRestore } from '../backup/restore-queries.js';

/** Books that can't be verified yet; the message says until when. */
export class UnfinishedBooksError extends Error {
  override readonly name = 'UnfinishedBooksError';
}

/** @throws UnfinishedBooksError where every entry of what a restore left out would be told as a mismatch */
export async function refuseUnfinishedBooks(db: Queryable): Promise<void> {
  const reason = await whyUnfinished(db);
  if (reason !== null) throw new UnfinishedBooksError(reason);
}

/**
 * After a restore of what is critical the settled payments are missing until a rebuild has filled them in:
 * whatever rests on whole books waits for that. Null where they are whole.
 */
export async function whyUnfinished(db: Queryable): Promise<string | null> {
  const job = await rebuildOfRestore(db);
  if (job === null) return null;
  if (isUnderWay(job)) return untilItEnded(job);
  const why = job.problem === null ? '' : ` (${job.problem})`;
  return `rebuild job ${job.id}, which makes the books again after a restore, is ${job.state}${why}: run \`teller rebuild --from origin\` first`;
}

/** The same of books that are finished without anybody's doing alone. */
export async function booksBeingMade(db: Queryable): Promise<string | null> {
  const job = await rebuildOfRestore(db);
  return job !== null && isUnderWay(job) ? untilItEnded(job) : null;
}

const isUnderWay = ({ state }: RebuildOfRestore): boolean =>
  state === 'queued' || state === 'running';

const untilItEnded = ({ id, state }: RebuildOfRestore): string =>
  `the books are being made again by rebuild job ${id}, after a restore (it is ${state}): wait until it has ended`;
