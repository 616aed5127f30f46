import type { Slot } from '../../chain/point.js';
import type { DepositPolicy } from '../../payments/confirmation.js';
import type { ChainView } from '../../sync/chain-view.js';
import type { RunningJob } from '../jobs/job.js';
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

/** What every step of a rebuild works with. */
export type RebuildContext = RebuildDeps & { readonly job: RunningJob };
