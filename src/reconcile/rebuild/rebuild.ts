import { samePoint } from '../../chain/point.js';
import { atOneMoment, inTransaction } from '../../database/transaction.js';
import type { Cursor } from '../../sync/events.js';
import { readCursor } from '../../sync/queries.js';
import { correctBeginnings, restoreBeginnings } from '../heal/heal-beginnings.js';
import { type Misdated, readMisdated } from '../heal/misdated.js';
import { expectCursor } from '../runs/comparison-point.js';
import { analyzeShadow, type CompareScope, findCandidates } from './candidate-queries.js';
import { type Conclusion, prepareHealing, prepareReport } from './conclude.js';
import { compareDigests } from './derived-digest.js';
import { findStart } from './find-start.js';
import { judgingOf } from './judging.js';
import { askLedger } from './ledger-answers.js';
import type { RebuildContext, RebuildDeps, RebuildJob } from './rebuild-parts.js';
import {
  heightOf,
  type RebuildProgress,
  readProgress,
  startingProgress,
} from './rebuild-progress.js';
import { openShadow, type Shadow } from './shadow.js';
import { openShadowBooks, type ShadowBooks } from './shadow-books.js';
import { forgetEndedShadows } from './shadow-queries.js';
import { startLost } from './start-lost.js';
import { openWatch, type WatchScope } from './watch.js';

/**
 * Derives the chain's facts once more, beside the live tables and while they go on; then tells what
 * differs, or makes the live ones what the chain says. Killed anywhere, it goes on from what was saved.
 *
 * @throws RebuildImpossible where trying again wouldn't help, NotComparable where another hand changed the cursor
 */
export async function rebuild(deps: RebuildDeps, job: RebuildJob): Promise<void> {
  const { pool, partitionId } = job.leadership;
  await expectCursor(pool, partitionId);
  const beginnings = job.params.dryRun === true ? 0 : await beginAgain(job);
  const context: RebuildContext = { ...deps, job, beginnings };
  await forgetEndedShadows(pool);
  const progress = readProgress(job.progress) ?? (await begin(context));
  const cursor = await readCursor(pool, partitionId);
  const watch = await openWatch(
    pool,
    {
      partitionId,
      jobId: job.id,
      hotWallet: deps.hotWallet,
      fromHeight: heightOf(progress.from) ?? -1,
      cursorHeight: cursor?.height ?? -1,
      before: lookedForBefore(progress),
    },
    job.signal,
  );
  const books = openShadowBooks(context, watch, progress);
  const shadow = openShadow(context, books);
  try {
    while (!(await compareAndConclude(context, shadow, books))) job.signal.throwIfAborted();
  } catch (error) {
    throw await startLost(pool, partitionId, books.progress().from, error);
  } finally {
    await shadow.close();
  }
  await forgetEndedShadows(pool);
}

/** What must be recorded rests on from where its address counts. */
function beginAgain(job: RebuildJob): Promise<number> {
  const { pool, partitionId } = job.leadership;
  const by = { partitionId, actor: job.requestedBy, cause: `rebuild job ${job.id}` };
  return restoreBeginnings(pool, partitionId, null, (some) =>
    job.leadership.write(async (tx, at) => {
      await job.save(tx, job.progress);
      return correctBeginnings(tx, at, by, some);
    }),
  );
}

function lookedForBefore({ looked, from, at }: RebuildProgress): WatchScope['before'] {
  const matchedThrough = heightOf(at);
  if (matchedThrough === null || samePoint(from.point, at.point)) return null;
  return { looked, matchedThrough };
}

async function begin(context: RebuildContext): Promise<RebuildProgress> {
  const { job } = context;
  const progress = startingProgress(await findStart(context));
  await inTransaction(job.leadership.pool, (tx) => job.save(tx, progress));
  return progress;
}

/**
 * Blocks go on meanwhile. All that takes long comes before a place is taken, so that only a few quick steps
 * lie between it and what is done there: on a fast chain, too, one of the next places serves.
 *
 * @returns false where a rollback took away what was compared, or blocks came before anything was
 */
async function compareAndConclude(
  context: RebuildContext,
  shadow: Shadow,
  books: ShadowBooks,
): Promise<boolean> {
  const { job } = context;
  await shadow.catchUp();
  await analyzeShadow(job.leadership.pool);
  const comparedAt = await shadow.catchUp();
  const rollbacks = books.rollbacks();
  const compared = await compare(context, books.beginComparing(), comparedAt);
  if (compared === null) return false;
  const prepare = job.params.dryRun === true ? prepareReport : prepareHealing;
  const conclude = await prepare(context);
  for (;;) {
    // Blocks that came meanwhile are read too: what was found is looked at once more in their light.
    const place = await shadow.catchUp();
    if (books.rollbacks() !== rollbacks) return false;
    await books.noteApplying();
    const progress = books.progress();
    const scope = scopeOf(context, progress, place, compared.misdated);
    if (await conclude({ ...compared, scope, place, progress })) return true;
  }
}

type Compared = Pick<Conclusion, 'digest' | 'differing' | 'comparedAt'> & {
  readonly misdated: readonly Misdated[];
};

/** Finds what differs right after a block. @returns null where the books don't stand there any more */
async function compare(
  context: RebuildContext,
  progress: RebuildProgress,
  place: Cursor,
): Promise<Compared | null> {
  const { job, observe } = context;
  const { pool, partitionId } = job.leadership;
  const { done, total, rate } = progress;
  observe({ type: 'rebuild_progress', jobId: job.id, done, total, rate, secondsLeft: null });
  const misdated = await atOneMoment(pool, (tx) => readMisdated(tx, partitionId, null));
  const scope = scopeOf(context, progress, place, misdated);
  const found = await inTransaction(pool, async (tx) => {
    await job.save(tx, progress);
    return findCandidates(tx, scope, place.point);
  });
  if (found === null) return null;
  const judging = await inTransaction(pool, (tx) => judgingOf(tx, scope));
  if (place.point !== 'origin' && !(await askLedger(context, scope, judging, place.point))) {
    return null;
  }
  // Of what nobody knows from when on it counts the books are believed: it stays as it is.
  const known = { ...scope, misdated: misdated.filter(({ countsFrom }) => countsFrom !== null) };
  const compared = await atOneMoment(pool, (tx) => compareDigests(tx, known));
  return { ...compared, misdated, comparedAt: scope.height };
}

const scopeOf = (
  { job, hotWallet }: RebuildContext,
  progress: RebuildProgress,
  place: Cursor,
  misdated: readonly Misdated[],
): CompareScope => ({
  misdated,
  jobId: job.id,
  partitionId: job.leadership.partitionId,
  fromHeight: heightOf(progress.from) ?? heightOf(place) ?? -1,
  height: heightOf(place) ?? -1,
  hotWallet,
});
