import type { Block, Output, OutputReference } from '../chain/block.js';
import type { LinkedBlock } from '../sync/events.js';

/** An output at an address that may be watched. */
export type OutputHit = {
  readonly block: LinkedBlock<Block>;
  readonly txHash: string;
  /** Position of the transaction within its block. */
  readonly txPosition: number;
  readonly output: Output;
};

/** Spends an output that may be recorded. */
export type SpendHit = {
  readonly block: LinkedBlock<Block>;
  readonly reference: OutputReference;
  readonly spentBy: string;
};

export type Hits = { readonly outputs: readonly OutputHit[]; readonly spends: readonly SpendHit[] };

export type Watched = {
  /** Without false negatives; a false hit is found out against the database. */
  mayBeWatched(address: string): boolean;
  mayBeRecorded(reference: OutputReference): boolean;
};

/**
 * What concerns us in a run of blocks, in chain order. Spends of outputs that appear in this very run
 * are hits as well.
 */
export function matchBlocks(blocks: readonly LinkedBlock<Block>[], watched: Watched): Hits {
  const outputs: OutputHit[] = [];
  const spends: SpendHit[] = [];
  const fresh = new Set<OutputReference>();
  for (const block of blocks) {
    for (const [txPosition, transaction] of block.block.transactions.entries()) {
      for (const reference of transaction.spends) {
        if (fresh.has(reference) || watched.mayBeRecorded(reference)) {
          spends.push({ block, reference, spentBy: transaction.id });
        }
      }
      for (const output of transaction.outputs) {
        if (!watched.mayBeWatched(output.address)) continue;
        fresh.add(`${transaction.id}#${output.index}`);
        outputs.push({ block, txHash: transaction.id, txPosition, output });
      }
    }
  }
  return { outputs, spends };
}
