import type { Pool } from 'pg';
import type { AssetUnit } from '../../chain/block.js';
import type { Point } from '../../chain/point.js';
import { describeDatabaseError } from '../../database/pool.js';
import { inTransaction, type Tx } from '../../database/transaction.js';
import type { Stretch } from '../../payments/digest/check-digest.js';
import type { ChainView } from '../../sync/chain-view.js';
import type { Finding } from '../model/finding.js';
import type { ObserveProof, ProgressReport } from '../model/proof-events.js';
import { whyUnfinished } from '../verify/unfinished-books.js';
import { watchedAmong } from './address-queries.js';
import type { ComparisonPoint } from './comparison-point.js';
import { lastRecordedPoint, NotComparable, PointLost } from './comparison-point.js';
import { forgetFindings } from './discrepancy-queries.js';
import { finish } from './finish-run.js';
import { type Pacing, realPause } from './ledger-questions.js';
import { explainLostPoint } from './lost-point.js';
import { type OpenRun, openRun, scopeOf } from './open-run.js';
import { compareAt } from './run-phases.js';
import { firstProgress, type RunProgress } from './run-progress.js';
import {
  abandonOthers,
  beginAt,
  heartbeat,
  markFailed,
  markInterrupted,
  type ResumeAtOnce,
} from './run-queries.js';
import { RunTaken } from './run-work.js';

export type ReconcileDeps = {
  readonly pool: Pool;
  readonly partitionId: number;
  readonly chain: ChainView;
  readonly hotWallet: string | null;
  readonly observe: ObserveProof;
  readonly onProgress?: (report: ProgressReport) => void;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  /** Gentle by default. */
  readonly pacing?: Pacing;
  /** Waits; rejects when the signal aborts. The simulation has its own. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** How often a run says that somebody works on it, besides with each page. */
  readonly heartbeatMs?: number;
  /**
   * Opens the run: a leader's fence, behind which nobody begins or takes over anything who leads no more.
   * From then on what tells who may write for a run is its runner.
   */
  readonly begin?: Begin;
};

export type Begin = <T>(open: (tx: Tx) => Promise<T>) => Promise<T>;

export type ReconcileRequest = {
  /** `continuous`: some addresses, chosen by whoever checks them all the time. */
  readonly scope: 'full' | { readonly addresses: readonly string[]; readonly continuous?: boolean };
  readonly requestedBy: string;
  /**
   * Goes on with a full run that was interrupted within the hour, where its block still stands; or at once with
   * one of its own. Whoever asks what is so now doesn't: that run answers for the block that it began at.
   */
  readonly resume: boolean | ResumeAtOnce;
  /** What is found is healed afterwards, and told of by whoever heals it. */
  readonly repair?: boolean;
};

export type Reconciliation = {
  readonly runId: string;
  readonly point: Point;
  readonly height: number;
  readonly matched: number;
  readonly mismatched: number;
  readonly missing: number;
  readonly extra: number;
  /** At most FINDINGS_KEPT; all are in the table, and findingPages reads them. */
  readonly findings: readonly Finding[];
  readonly totals: {
    readonly recorded: ReadonlyMap<AssetUnit, bigint>;
    readonly onChain: ReadonlyMap<AssetUnit, bigint>;
  };
  readonly addresses: number;
  /** Of the addresses, those at which unknown outputs are found too. */
  readonly covered: number;
  /** What differs without any single output to be named; null where nothing does. */
  readonly problem: string | null;
  /** Of the problem what the state digest tells. */
  readonly digestProblem: string | null;
  /** What owners and partitions tell of it. */
  readonly disputed: string | null;
  /** Heights at which tables and digest differ; null where they weren't looked at. */
  readonly differing: readonly Stretch[] | null;
  /** Whether all rows of these heights were held against their blocks. */
  readonly isDigestCompared: boolean;
};

/** A point that is lost is replaced by another one so often. */
const POINTS_MAX = 10;
const NEXT_POINT_MS = 1_000;
const HEARTBEAT_MS = 10_000;

/**
 * Compares records and chain at one and the same point. It only reads, but for the tables of its results.
 *
 * @throws NotComparable, with what to do
 */
export async function reconcile(
  deps: ReconcileDeps,
  request: ReconcileRequest,
): Promise<Reconciliation> {
  const { pool, partitionId, signal } = deps;
  signal.throwIfAborted();
  if (request.repair !== true) await expectWholeBooks(pool);
  if (request.scope !== 'full') await expectRegistered(deps, request.scope.addresses);
  const point = await lastRecordedPoint(pool, partitionId);
  const run = await openRun(deps, request);
  if (request.scope === 'full') await abandonOthers(pool, partitionId, run.id);
  const beat = setInterval(() => {
    // A database that is away shows by the next page.
    heartbeat(pool, run.id, run.progress.runner).catch(() => undefined);
  }, deps.heartbeatMs ?? HEARTBEAT_MS);
  // A process in which nothing else goes on is over.
  beat.unref();
  try {
    return await atAnyPoint(deps, request, run, point);
  } catch (error) {
    await noteEnd(deps, request, run, error);
    throw error;
  } finally {
    clearInterval(beat);
  }
}

/** All that a restore left out would be told as missing. A repair heals it, and waits behind the rebuild. */
async function expectWholeBooks(pool: Pool): Promise<void> {
  const reason = await whyUnfinished(pool);
  if (reason !== null) throw new NotComparable(reason);
}

async function expectRegistered(
  { pool, partitionId, hotWallet }: ReconcileDeps,
  addresses: readonly string[],
): Promise<void> {
  const watched = await watchedAmong(pool, partitionId, hotWallet, addresses);
  const unknown = addresses.filter((address) => !watched.has(address));
  if (unknown.length === 0) return;
  const shown = unknown.slice(0, 3).join(', ');
  throw new NotComparable(
    `${unknown.length === 1 ? 'an address is' : `${unknown.length} addresses are`} not registered ` +
      `here: ${shown}${unknown.length > 3 ? ', …' : ''}; \`teller address list\` shows those that are`,
  );
}

async function atAnyPoint(
  deps: ReconcileDeps,
  request: ReconcileRequest,
  run: OpenRun,
  latest: ComparisonPoint,
): Promise<Reconciliation> {
  const pause = deps.pause ?? realPause;
  let at = run.at;
  let { progress } = run;
  let next = latest;
  for (let attempt = 1; ; attempt += 1) {
    if (at === null) {
      at = next;
      progress = firstProgress(run.progress.runner);
      await startAt(deps.pool, run.id, at, progress);
    }
    const work = { runId: run.id, at, progress };
    try {
      return await finish(deps, request, await compareAt(deps, request, work));
    } catch (error) {
      if (!(error instanceof PointLost)) throw error;
      const lost = at;
      at = null;
      if (attempt === POINTS_MAX) throw await explainLostPoint(deps, lost, error);
      next = await lastRecordedPoint(deps.pool, deps.partitionId);
      // The books may not have followed the node's rollback yet.
      if (next.point.id !== lost.point.id) continue;
      const hopeless = await explainLostPoint(deps, lost, error);
      if (!(hopeless instanceof PointLost)) throw hopeless;
      await pause(NEXT_POINT_MS, deps.signal);
      next = await lastRecordedPoint(deps.pool, deps.partitionId);
    }
  }
}

/** What was found at an earlier point is dropped. */
const startAt = (pool: Pool, id: string, at: ComparisonPoint, progress: RunProgress) =>
  inTransaction(pool, async (tx) => {
    await forgetFindings(tx, id);
    if (!(await beginAt(tx, id, at, progress))) {
      throw new RunTaken(`somebody else goes on with reconciliation run ${id}`);
    }
  });

async function noteEnd(
  { pool, signal, observe }: ReconcileDeps,
  request: ReconcileRequest,
  { id, progress }: OpenRun,
  error: unknown,
): Promise<void> {
  if (error instanceof RunTaken) return;
  // A database that is away can't be told; then its silence tells.
  if (signal.aborted) {
    await markInterrupted(pool, id, progress.runner).catch(ignore);
    return;
  }
  const reason = describeDatabaseError(error);
  await markFailed(pool, id, progress.runner, reason).catch(ignore);
  observe({ type: 'reconciliation_failed', scope: scopeOf(request), reason });
}

const ignore = (): void => undefined;
