import type { OutputReference } from '../../chain/block.js';
import type { RequiredDepth } from '../compare/compare-output.js';
import type { ChainOutput, RecordedOutput, SpentBy } from '../model/finding.js';

/** An output as the blocks that were read have it. */
export type DerivedOutput = ChainOutput & {
  /** Whether the books must have it; else they may. */
  readonly must: boolean;
  /** Whether they have it with its block, where they have it. */
  readonly inBlock: boolean;
};

/** All that is known of an output about which the two sides may differ. */
export type Candidate = {
  /** Among which of the books' outputs it stands, or would. */
  readonly kind: RecordedOutput['kind'];
  readonly reference: OutputReference;
  readonly recorded: (RecordedOutput & RequiredDepth) | null;
  /** Null where no block that was read made it. */
  readonly derived: DerivedOutput | null;
  /** Who spends it in the blocks that were read. */
  readonly spentBy: (SpentBy & { readonly height: number }) | null;
  /** As the node's ledger has it, unspent; null where it lacks it, or wasn't asked. */
  readonly ledger: ChainOutput | null;
  readonly wasAsked: boolean;
  /** Whose the address is that it has on the chain; null where nobody registered that. */
  readonly owner: string | null;
  /** How it was registered, as far as it is known which one it is; null where it wasn't. */
  readonly registration: {
    readonly watchedFrom: number | null;
    readonly backfill: boolean;
  } | null;
  /** Whether that address is or was anybody's, followed or not. */
  readonly wasRegistered: boolean;
};
