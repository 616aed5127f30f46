import type { Pool } from 'pg';
import { inTransaction, type Tx } from '../../database/transaction.js';
import type { ChainView } from '../../sync/chain-view.js';
import type { ProgressReport } from '../model/proof-events.js';
import { type ComparisonPoint, readAtPoint } from './comparison-point.js';
import type { LedgerQuestions } from './ledger-questions.js';
import { type RunProgress, readTotals, showTotals, type Totals } from './run-progress.js';
import { saveRun } from './run-queries.js';

/** Another one goes on with this run: nothing more may be written for it. */
export class RunTaken extends Error {
  override readonly name = 'RunTaken';
}

export type WorkDeps = {
  readonly pool: Pool;
  readonly partitionId: number;
  readonly hotWallet: string | null;
  readonly chain: ChainView;
  readonly signal: AbortSignal;
  readonly onProgress?: (report: ProgressReport) => void;
};

/** A run at one point, as its phases see it. */
export type Work = WorkDeps & {
  readonly runId: string;
  readonly at: ComparisonPoint;
  readonly questions: LedgerQuestions;
  readonly confirmationsHeld: boolean;
  readonly totals: { readonly recorded: Totals; readonly onChain: Totals };
  progress(): RunProgress;
  /** What is read is what the books were right after the block. @throws PointLost */
  read<T>(read: (tx: Tx) => Promise<T>): Promise<T>;
  /** Progress and what it stands for, together. @throws RunTaken */
  commit(
    step: Partial<RunProgress>,
    done?: number,
    write?: (tx: Tx) => Promise<unknown>,
  ): Promise<void>;
  /** @throws PointLost where the books stand on another chain */
  expectPoint(): Promise<void>;
};

export function createWork(
  deps: WorkDeps,
  run: Pick<Work, 'runId' | 'at' | 'questions' | 'confirmationsHeld'>,
  begun: RunProgress,
  report: (done: number) => void,
): Work {
  let progress = begun;
  const totals = { recorded: readTotals(begun.recorded), onChain: readTotals(begun.onChain) };
  return {
    ...deps,
    ...run,
    totals,
    progress: () => progress,
    read: (read) => readAtPoint(deps.pool, deps.partitionId, run.at, read),
    expectPoint: () => readAtPoint(deps.pool, deps.partitionId, run.at, () => Promise.resolve()),
    commit: async (step, done = 0, write = () => Promise.resolve()) => {
      deps.signal.throwIfAborted();
      const next: RunProgress = {
        ...progress,
        recorded: showTotals(totals.recorded),
        onChain: showTotals(totals.onChain),
        ...step,
      };
      await inTransaction(deps.pool, async (tx) => {
        await write(tx);
        if (!(await saveRun(tx, run.runId, next))) {
          throw new RunTaken(`somebody else goes on with reconciliation run ${run.runId}`);
        }
      });
      progress = next;
      report(done);
    },
  };
}
