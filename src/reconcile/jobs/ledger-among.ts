import type { OutputReference } from '../../chain/block.js';
import { outputReference } from '../../chain/block.js';
import type { Point } from '../../chain/point.js';
import type { ChainView } from '../../sync/chain-view.js';

const ASKED_MAX = 5_000;

/** Those of the outputs that are unspent right after a block. Rejects with POINT_GONE where no node has its ledger. */
export async function unspentAmong(
  chain: ChainView,
  signal: AbortSignal,
  point: Point,
  references: readonly OutputReference[],
): Promise<ReadonlySet<OutputReference>> {
  const ledger = await chain.ledgerAt(point, signal);
  try {
    const unspent = new Set<OutputReference>();
    for (let from = 0; from < references.length; from += ASKED_MAX) {
      const some = references.slice(from, from + ASKED_MAX);
      for (const { txHash, output } of await ledger.among(some)) {
        unspent.add(outputReference(txHash, output.index));
      }
    }
    return unspent;
  } finally {
    await ledger.release();
  }
}
