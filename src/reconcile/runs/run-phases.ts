import { confirmationsHeld, countRecorded, countWatched } from './address-queries.js';
import { compareDates } from './compare-dates.js';
import { compareDigest } from './compare-digest.js';
import { compareDigestAt } from './compare-digest-at.js';
import { compareLedger, compareLedgerAt } from './compare-ledger.js';
import { compareOwners } from './compare-owners.js';
import { compareRecorded, compareRecordedAt } from './compare-recorded.js';
import { compareStatuses, compareStatusesAt } from './compare-statuses.js';
import type { ComparisonPoint } from './comparison-point.js';
import { explainDoubts } from './explain-doubts.js';
import { askLedger, GENTLE, realPause } from './ledger-questions.js';
import { createMeter } from './progress-meter.js';
import type { ReconcileDeps, ReconcileRequest } from './reconcile.js';
import { PHASES, type Phase, type RunProgress } from './run-progress.js';
import { createWork, type Work } from './run-work.js';

export type RunAtPoint = {
  readonly runId: string;
  readonly at: ComparisonPoint;
  readonly progress: RunProgress;
};

/** From wherever it was to its end, at one point. @throws PointLost */
export async function compareAt(
  deps: ReconcileDeps,
  request: ReconcileRequest,
  { runId, at, progress }: RunAtPoint,
): Promise<Work> {
  const clock = (): number => performance.now();
  const questions = askLedger(at.point, {
    chain: deps.chain,
    signal: deps.signal,
    pacing: deps.pacing ?? GENTLE,
    pause: deps.pause ?? realPause,
    clock,
  });
  const { pool, partitionId } = deps;
  const run = {
    runId,
    at,
    questions,
    confirmationsHeld: await confirmationsHeld(pool, partitionId),
  };
  const work = createWork(deps, run, progress, await meterOf(deps, request, progress, clock));
  try {
    const phases = phasesOf(request, work);
    for (const phase of PHASES.slice(PHASES.indexOf(progress.phase))) {
      if (work.progress().phase !== phase) await work.commit({ phase });
      await phases[phase]();
    }
    // The last word: all that was read was read of this chain.
    await work.expectPoint();
    return work;
  } finally {
    await questions.release();
  }
}

function phasesOf(
  { scope }: ReconcileRequest,
  work: Work,
): Readonly<Record<Phase, () => Promise<void>>> {
  const doubts = (): Promise<void> => explainDoubts(work);
  if (scope === 'full') {
    return {
      outputs: () => compareRecorded(work),
      addresses: () => compareLedger(work),
      digest: () => compareDigest(work),
      doubts,
      owners: () => datesAndOwners(work, null),
      ledger: () => compareStatuses(work),
    };
  }
  const { addresses, continuous = false } = scope;
  const some = {
    outputs: () => compareRecordedAt(work, addresses, continuous ? 'unspent' : 'all'),
    addresses: () => compareLedgerAt(work, addresses),
    doubts,
    owners: () => datesAndOwners(work, addresses),
  };
  // What is spent grows for ever: all the time, that would cost more with each year.
  if (continuous) return { ...some, digest: nothing, ledger: nothing };
  return {
    ...some,
    digest: () => compareDigestAt(work, addresses),
    ledger: () => compareStatusesAt(work, addresses),
  };
}

/** Neither is on the chain. */
async function datesAndOwners(work: Work, addresses: readonly string[] | null): Promise<void> {
  await compareDates(work, addresses);
  await compareOwners(work, addresses);
}

const nothing = (): Promise<void> => Promise.resolve();

async function meterOf(
  { pool, partitionId, onProgress }: ReconcileDeps,
  { scope }: ReconcileRequest,
  progress: RunProgress,
  clock: () => number,
): Promise<(done: number) => void> {
  if (onProgress === undefined) return () => undefined;
  const total =
    scope === 'full'
      ? (await countRecorded(pool, partitionId)) + (await countWatched(pool, partitionId))
      : null;
  return createMeter(total, progress.matched + progress.addresses, clock, onProgress);
}
