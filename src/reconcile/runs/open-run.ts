import { randomUUID } from 'node:crypto';
import { inTransaction, type Tx } from '../../database/transaction.js';
import type { ComparisonPoint } from './comparison-point.js';
import type { Begin, ReconcileDeps, ReconcileRequest } from './reconcile.js';
import { firstProgress, type RunProgress } from './run-progress.js';
import {
  type InterruptedRun,
  insertRun,
  interruptedRun,
  type RunScope,
  takeOver,
} from './run-queries.js';

/** A run that nobody else writes for, until somebody takes it over. */
export type OpenRun = {
  readonly id: string;
  readonly progress: RunProgress;
  /** Null where it begins anew. */
  readonly at: ComparisonPoint | null;
};

export const scopeOf = ({ scope }: ReconcileRequest): RunScope => {
  if (scope === 'full') return scope;
  return scope.continuous === true ? 'continuous' : 'addresses';
};

/** A new one, or one that was interrupted. */
export async function openRun(deps: ReconcileDeps, request: ReconcileRequest): Promise<OpenRun> {
  const begin: Begin = deps.begin ?? ((open) => inTransaction(deps.pool, open));
  const runner = randomUUID();
  const { run, resumed } = await begin((tx) => openIn(tx, deps, request, runner));
  if (resumed !== null) {
    const { id, startedAt } = resumed;
    deps.observe({ type: 'reconciliation_resumed', runId: id, startedAt });
  }
  return run;
}

async function openIn(
  tx: Tx,
  { partitionId }: ReconcileDeps,
  request: ReconcileRequest,
  runner: string,
): Promise<{ readonly run: OpenRun; readonly resumed: InterruptedRun | null }> {
  const { requestedBy, repair = false } = request;
  const before = await interruptedBefore(tx, partitionId, request);
  if (before !== null) {
    const progress = { ...before.progress, runner, interrupted: false };
    if (await takeOver(tx, { partitionId, repair, requestedBy }, before, progress)) {
      const { id, point, height } = before;
      return { run: { id, progress, at: { point, height } }, resumed: before };
    }
  }
  const progress = firstProgress(runner);
  const start = { partitionId, scope: scopeOf(request), requestedBy, repair };
  return { run: { id: await insertRun(tx, start, progress), progress, at: null }, resumed: null };
}

async function interruptedBefore(
  tx: Tx,
  partitionId: number,
  { scope, resume }: ReconcileRequest,
): Promise<InterruptedRun | null> {
  if (resume === false || scope !== 'full') return null;
  return interruptedRun(tx, partitionId, resume === true ? null : resume);
}
