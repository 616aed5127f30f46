import { createRandom, type Random } from '../../../src/devnet/random.js';
import type { Compared } from '../../../src/reconcile/schedule/continuous.js';
import type { Leading } from '../state.js';

/** Who proves the books besides the nights, with chance of its own. */
export type Proofs = {
  readonly random: Random;
  /** What leaders remember of what they compared, for as long as their terms last. */
  readonly compared: WeakMap<Leading, Compared>;
  /** What somebody asked for and that hasn't ended. */
  errand: Errand | null;
};

export type Errand = {
  readonly id: string;
  readonly what: 'dry run' | 'rebuild' | 'repair';
  /** Where a rebuild begins, as somebody writes it. */
  readonly from: string | null;
  readonly addresses: readonly string[];
  /** Of the moment when it was asked for: */
  readonly sound: string | null;
  readonly corrupted: string | null;
  readonly turns: string;
  /** Whether rows, ledger and digest were the chain's, also where another hand had changed something. */
  readonly wasRight: boolean;
};

/** Of seven worlds two or three: the others, and with them most whose seeds found something, go the same way as without it. */
export const createProofs = (seed: number, corrupts: boolean): Proofs | null =>
  (corrupts ? [1, 4, 6] : [1, 4]).includes(seed % 7)
    ? { random: createRandom(`proofs ${seed}`), compared: new WeakMap(), errand: null }
    : null;
