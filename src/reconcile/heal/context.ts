import type { OutputReference } from '../../chain/block.js';
import type { DepositPolicy } from '../../payments/confirmation.js';
import type { ChainOutput, RecordedOutput } from '../model/finding.js';

export type HealContext = {
  readonly partitionId: number;
  readonly policy: DepositPolicy;
  /** Right after the block of this height the chain was looked at; that block is part of the books' chain. */
  readonly height: number;
  /** Where the books are now. */
  readonly cursorHeight: number;
  /** Who asked for it, for the audit log. */
  readonly actor: string;
  /** `reconciliation run 12`, `rebuild job 3`. */
  readonly cause: string;
  /** Its spends are looked for from the next block on. */
  readonly learn: (references: readonly OutputReference[]) => void;
};

/** All that is known of one output about which the sides differ. */
export type Truth = {
  readonly reference: OutputReference;
  readonly kind: RecordedOutput['kind'];
  readonly isRecorded: boolean;
  readonly onChain: ChainOutput | null;
};
