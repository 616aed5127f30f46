import type pg from 'pg';
import type { ProofEvent } from '../../../src/reconcile/model/proof-events.js';
import { NotComparable } from '../../../src/reconcile/runs/comparison-point.js';
import {
  type ContinuousDeps,
  compareRound,
  NOTHING_COMPARED,
} from '../../../src/reconcile/schedule/continuous.js';
import { createLeadership } from '../../../src/sync/leadership.js';
import { chainViewOf } from '../chain-view.js';
import { type Instance, type Leading, soundness, type World } from '../state.js';
import type { Proofs } from './state.js';

/** One round of what a leader does between the nights. Of sound books it tells nothing. */
export async function compareBetweenNights(
  world: World,
  self: Instance,
  pool: pg.Pool,
  leading: Leading,
  { random, compared }: Proofs,
): Promise<void> {
  const { scheduler, tally } = world;
  const { signal } = new AbortController();
  const leadership = createLeadership(pool, leading.term, () => undefined, signal);
  const told: ProofEvent[] = [];
  const deps: ContinuousDeps = {
    chain: chainViewOf(world, self.beside),
    hotWallet: world.hotWallet,
    observe: (event) => told.push(event),
    now: () => new Date(),
    pause: () => scheduler.aside(self.beside, 'pausing'),
    pacing: { pauseMs: 0, pauseShare: 0 },
    heartbeatMs: 2 ** 31 - 1,
    random: () => random.below(1_000) / 1_000,
    sampleMs: random.pick([0, 2 ** 31 - 1]),
    batchMax: random.pick([1, 3, 100]),
  };
  const before = soundness(world);
  const state = compared.get(leading) ?? NOTHING_COMPARED;
  try {
    compared.set(leading, await compareRound(deps, leadership, state));
  } catch (error) {
    if (error instanceof NotComparable) return;
    throw error;
  }
  tally.rounds += 1;
  const found = told.filter(({ type }) => type === 'reconciliation_finished');
  tally.roundsTelling += found.length;
  const wasSound = before !== null && before === soundness(world);
  if (wasSound && found.length > 0) {
    throw new Error(`the books are sound, and between the nights ${JSON.stringify(found)} is told`);
  }
}
