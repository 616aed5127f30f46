import type { Leadership } from '../sync/leadership.js';
import { leastBlocksOf } from './density.js';
import type { GuardEvent } from './events.js';
import { lockGuard, readGuard, saveDensityUnknown } from './guard-queries.js';

type StudyDeps = {
  /** Share of slots that have a block, as the node tells; null: density isn't watched. */
  readonly activeSlots: ((signal: AbortSignal) => Promise<number>) | null;
  readonly observe: (event: GuardEvent) => void;
};

export type DensityStudy = {
  /** Of a healthy chain in a window; null until it is known. */
  readonly leastBlocks: () => number | null;
  /** One try. Answers whether no other one is needed. */
  readonly study: () => Promise<boolean>;
};

/** Learns how dense a healthy chain is, and says so where it can't: then thin hours go unnoticed. */
export function createDensityStudy(
  { activeSlots, observe }: StudyDeps,
  leadership: Leadership,
): DensityStudy {
  let least: number | null = null;
  let isTold = false;
  const learn = async (ask: (signal: AbortSignal) => Promise<number>): Promise<string | null> => {
    try {
      least = leastBlocksOf(await ask(leadership.signal));
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  return {
    leastBlocks: () => least,
    study: async () => {
      const problem = activeSlots === null || least !== null ? null : await learn(activeSlots);
      if (leadership.signal.aborted) return true;
      if (problem !== null && !isTold) observe({ type: 'density_unknown', reason: problem });
      isTold = problem !== null;
      await note(leadership, problem);
      return problem === null;
    },
  };
}

/** For whoever asks how things stand, whoever it is that leads. */
async function note(leadership: Leadership, problem: string | null): Promise<void> {
  const { pool, partitionId } = leadership;
  if ((await readGuard(pool, partitionId)).densityUnknown === problem) return;
  await leadership.write(async (tx, at) => {
    await lockGuard(tx, partitionId);
    await saveDensityUnknown(tx, partitionId, at, problem);
  });
}
