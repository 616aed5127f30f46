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
  /**
   * Progress that stands for nothing else: an interrupted run may begin again a little before it. @throws RunTaken
   *
   * @param outputs that were looked at for it
   */
  advance(step: Partial<RunProgress>, outputs: number, done?: number): Promise<void>;
  /** @throws PointLost where the books stand on another chain */
  expectPoint(): Promise<void>;
};

/**
 * Anybody sends units by the thousand, and each time the totals of all are written: so that this takes a small part
 * of the time, so many outputs are compared for each.
 */
const OUTPUTS_A_UNIT = 4;

export function createWork(
  deps: WorkDeps,
  run: Pick<Work, 'runId' | 'at' | 'questions' | 'confirmationsHeld'>,
  begun: RunProgress,
  report: (done: number) => void,
): Work {
  let progress = begun;
  let unsaved = 0;
  const totals = { recorded: readTotals(begun.recorded), onChain: readTotals(begun.onChain) };
  const save = async (write: (tx: Tx) => Promise<unknown>): Promise<void> => {
    progress = {
      ...progress,
      recorded: showTotals(totals.recorded),
      onChain: showTotals(totals.onChain),
    };
    await inTransaction(deps.pool, async (tx) => {
      await write(tx);
      if (!(await saveRun(tx, run.runId, progress))) {
        throw new RunTaken(`somebody else goes on with reconciliation run ${run.runId}`);
      }
    });
    unsaved = 0;
  };
  return {
    ...deps,
    ...run,
    totals,
    progress: () => progress,
    read: (read) => readAtPoint(deps.pool, deps.partitionId, run.at, read),
    expectPoint: () => readAtPoint(deps.pool, deps.partitionId, run.at, () => Promise.resolve()),
    commit: async (step, done = 0, write = nothing) => {
      deps.signal.throwIfAborted();
      progress = { ...progress, ...step };
      await save(write);
      report(done);
    },
    advance: async (step, outputs, done = outputs) => {
      deps.signal.throwIfAborted();
      progress = { ...progress, ...step };
      unsaved += outputs;
      const units = totals.recorded.size + totals.onChain.size;
      if (unsaved >= units * OUTPUTS_A_UNIT) await save(nothing);
      report(done);
    },
  };
}

const nothing = (): Promise<void> => Promise.resolve();
