import type { OutputReference } from '../../chain/block.js';
import type { ChainView } from '../../sync/chain-view.js';
import { POINT_GONE } from '../../sync/ledger-state.js';
import { NodeError } from '../../sync/requests.js';
import { contentOf } from '../compare/block-evidence.js';
import { startHeight } from '../runs/address-queries.js';
import { expectOurs, readBlocks } from '../runs/block-reading.js';
import { type ComparisonPoint, PointLost } from '../runs/comparison-point.js';
import type { RunningJob } from './job.js';

/** Blocks read for them at most: an hour and more of a real node's time. */
const BLOCKS_MAX = 1_000_000;
const ASKED_MAX = 5_000;

/**
 * Of payments that were booked and have no row those that the chain doesn't have: its ledger doesn't hold
 * them, and no block that was followed made or spent them. What can't be looked for isn't among them.
 */
export async function provenGone(
  chain: ChainView,
  { leadership: { pool, partitionId }, signal }: Pick<RunningJob, 'leadership' | 'signal'>,
  at: ComparisonPoint,
  lost: readonly OutputReference[],
): Promise<ReadonlySet<OutputReference>> {
  if (lost.length === 0) return new Set();
  const above = (await startHeight(pool, partitionId)) ?? -1;
  if (at.height - above > BLOCKS_MAX) return new Set();
  try {
    const gone = new Set(await notInLedger(chain, signal, at, lost));
    for await (const blocks of readBlocks(
      { pool, partitionId, at, chain, signal },
      above,
      at.height,
    )) {
      const isLost = (reference: OutputReference): boolean => gone.has(reference);
      const { outputs, spends } = contentOf(blocks, { output: isLost, spend: isLost });
      for (const { reference } of outputs) gone.delete(reference);
      for (const reference of spends.keys()) gone.delete(reference);
      const last = blocks.at(-1);
      if (last !== undefined) await expectOurs({ pool, partitionId }, last);
    }
    return gone;
  } catch (error) {
    if (error instanceof PointLost || isPointGone(error)) return new Set();
    throw error;
  }
}

const isPointGone = (error: unknown): boolean =>
  error instanceof NodeError && error.code === POINT_GONE;

async function notInLedger(
  chain: ChainView,
  signal: AbortSignal,
  { point }: ComparisonPoint,
  lost: readonly OutputReference[],
): Promise<OutputReference[]> {
  const ledger = await chain.ledgerAt(point, signal);
  try {
    const held = new Set<OutputReference>();
    for (let from = 0; from < lost.length; from += ASKED_MAX) {
      for (const { txHash, output } of await ledger.among(lost.slice(from, from + ASKED_MAX))) {
        held.add(`${txHash}#${output.index}`);
      }
    }
    return lost.filter((reference) => !held.has(reference));
  } finally {
    await ledger.release();
  }
}
