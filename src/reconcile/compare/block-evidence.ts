import type { Block, OutputReference } from '../../chain/block.js';
import { outputReference } from '../../chain/block.js';
import type { LinkedBlock } from '../../sync/events.js';
import type { ChainOutput } from '../model/finding.js';

export type ChainSpend = { readonly txHash: string; readonly height: number };

/** Outputs and spends of blocks, in their order. */
export type BlockContent = {
  /** Their `spent` is `gone`: what makes an output doesn't know what becomes of it. */
  readonly outputs: readonly ChainOutput[];
  readonly spends: ReadonlyMap<OutputReference, ChainSpend>;
};

export function contentOf(
  blocks: readonly LinkedBlock<Block>[],
  wants: {
    output(reference: OutputReference, address: string): boolean;
    spend(reference: OutputReference): boolean;
  },
): BlockContent {
  const outputs: ChainOutput[] = [];
  const spends = new Map<OutputReference, ChainSpend>();
  for (const { block, slot } of blocks) {
    for (const [txPosition, transaction] of block.transactions.entries()) {
      for (const reference of transaction.spends) {
        if (wants.spend(reference)) {
          spends.set(reference, { txHash: transaction.id, height: block.height });
        }
      }
      for (const { index, address, value, hasScript } of transaction.outputs) {
        const reference = outputReference(transaction.id, index);
        if (!wants.output(reference, address)) continue;
        const placement = { blockHash: block.id, height: block.height, slot, txPosition };
        outputs.push({ reference, address, ...value, hasScript, placement, spent: 'gone' });
      }
    }
  }
  return { outputs, spends };
}

/** What blocks said about the outputs that were looked for. */
export type Evidence = {
  readonly created: ReadonlyMap<OutputReference, ChainOutput>;
  readonly spent: ReadonlyMap<OutputReference, ChainSpend>;
};
