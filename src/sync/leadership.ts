import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { OutputReference } from '../chain/block.js';
import { explainTakenId } from '../database/sequence-queries.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import type { Cursor } from './events.js';
import { TermOver } from './follower.js';
import { holdCursor, type Term } from './queries.js';

/** What somebody who leads may do besides following: chain writes behind the same fence. */
export type Leadership = {
  readonly pool: Pool;
  readonly partitionId: number;
  /** Aborts when the term is over. */
  readonly signal: AbortSignal;
  /**
   * Between two blocks: no block is applied until it has committed. `cursor` is where the books are.
   * @throws TermOver
   */
  write<T>(work: (tx: Tx, at: Date, cursor: Cursor | null) => Promise<T>): Promise<T>;
  /** To be told, before its transaction commits, of outputs that `work` recorded. */
  learn(references: readonly OutputReference[]): void;
};

/** Runs for as long as a term lasts; returns when `signal` aborts. What it throws ends only itself. */
export type LeadingTask = (leadership: Leadership) => Promise<void>;

export const createLeadership = (
  pool: Pool,
  term: Term,
  learn: Leadership['learn'],
  signal: AbortSignal,
): Leadership => ({
  pool,
  partitionId: term.partitionId,
  signal,
  learn,
  write: (work) =>
    inTransaction(pool, async (tx) => {
      const held = await holdCursor(tx, term);
      if (held === null) {
        throw new TermOver(`epoch ${term.epoch} no longer leads partition ${term.partitionId}`);
      }
      return work(tx, held.at, held.cursor);
    }),
});

const TASK_AGAIN_MS = 10_000;

export type Tasks = {
  readonly leading?: readonly LeadingTask[];
  readonly onTaskFailure?: (error: unknown) => void;
};

/** They look after themselves: one that fails must not end the term, and with it the following. */
export async function runTasks(
  { leading = [], onTaskFailure }: Tasks,
  leadership: Leadership,
): Promise<void> {
  const { signal } = leadership;
  const isOver = (): boolean => signal.aborted;
  const settled = leading.map(async (task) => {
    while (!isOver()) {
      try {
        return await task(leadership);
      } catch (error) {
        if (isOver()) return;
        onTaskFailure?.(await explainTakenId(leadership.pool, error).catch(() => error));
        // What ended for once is no reason to go without it for the rest of the term.
        await sleep(TASK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  });
  await Promise.all(settled);
}
