import type { Leadership } from '../../sync/leadership.js';
import { readCursorProblem } from '../compare/cursor-queries.js';
import {
  type Correcting,
  endAgain,
  paymentsBehindLedger,
  raiseInclusions,
} from '../heal/behind-ledger.js';
import { PointLost } from '../runs/comparison-point.js';
import { JobImpossible, type RunningJob } from './job.js';

const correcting = ({ leadership, requestedBy }: RunningJob): Correcting => ({
  partitionId: leadership.partitionId,
  actor: requestedBy,
});

/** @throws JobImpossible where another hand changed the cursor: then nothing may be written by it */
export async function expectCursor({ pool, partitionId }: Leadership): Promise<void> {
  const problem = await readCursorProblem(pool, partitionId);
  if (problem !== null) throw new JobImpossible(problem);
}

/** Needs no chain, and lets blocks go on that stumble over it. */
export async function raiseBehind(job: RunningJob): Promise<void> {
  const { pool, partitionId } = job.leadership;
  const behind = await paymentsBehindLedger(pool, partitionId);
  if (behind.length === 0) return;
  await job.leadership.write((tx, at) => raiseInclusions(tx, at, correcting(job), behind));
}

/** Where the books stand on a block that no node has any more, they may be what keeps it from being rolled back. */
export async function letRollbackGoOn(job: RunningJob, error: unknown): Promise<null> {
  if (!(error instanceof PointLost)) throw error;
  const ended = await job.leadership.write((tx, at) => endAgain(tx, at, correcting(job)));
  if (ended === 0) throw error;
  return null;
}
