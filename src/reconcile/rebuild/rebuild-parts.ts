import type { Slot } from '../../chain/point.js';
import type { Tx } from '../../database/transaction.js';
import type { DepositPolicy } from '../../payments/confirmation.js';
import type { ChainView } from '../../sync/chain-view.js';
import type { Leadership } from '../../sync/leadership.js';
import type { ObserveProof } from '../model/proof-events.js';

export type RebuildDeps = {
  readonly chain: ChainView;
  readonly hotWallet: string | null;
  readonly policy: DepositPolicy;
  readonly observe: ObserveProof;
  readonly now: () => Date;
  /** The network's slot at a time, by the node's own eras. */
  readonly slotAt: (time: Date, signal: AbortSignal) => Promise<Slot>;
  /** Waits; rejects when the signal aborts. The simulation has its own. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
};

type Fields = Readonly<Record<string, unknown>>;

/** The job in the hands of the leader that works on it. */
export type RebuildJob = {
  readonly id: string;
  /** `from` and `dryRun`, as they were asked for. */
  readonly params: Fields;
  readonly requestedBy: string;
  /** As it was saved last, perhaps by a leader before this one. */
  readonly progress: Fields;
  readonly leadership: Leadership;
  /** Aborts when the term is over or the job was cancelled. */
  readonly signal: AbortSignal;
  /** Part of each transaction that writes for the job: fails where somebody else has it by now. */
  save(tx: Tx, progress: Fields): Promise<void>;
  /** Ends the job in the transaction that applies what was found. */
  complete(tx: Tx, result: Fields): Promise<void>;
};

/** What every step of a rebuild works with. */
export type RebuildContext = RebuildDeps & {
  readonly job: RebuildJob;
  /** Addresses that count again from where the audit log says. */
  readonly beginnings: number;
};

/** It can't be done, however often it is tried; the message is for whoever asked for it. */
export class RebuildImpossible extends Error {
  override readonly name = 'RebuildImpossible';
}
