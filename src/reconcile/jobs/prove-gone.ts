import type { OutputReference } from '../../chain/block.js';
import type { ChainView } from '../../sync/chain-view.js';
import { isPointGone } from '../../sync/ledger-state.js';
import { contentOf } from '../compare/block-evidence.js';
import { startHeight } from '../runs/address-queries.js';
import { expectOurs, readBlocks } from '../runs/block-reading.js';
import { type ComparisonPoint, PointLost } from '../runs/comparison-point.js';
import { createMeter } from '../runs/progress-meter.js';
import type { RunningJob } from './job.js';
import { unspentAmong } from './ledger-among.js';

/** Blocks read for them at most: an hour and more of a real node's time. */
const BLOCKS_MAX = 1_000_000;

/**
 * Of payments that were booked and have no row those that the chain doesn't have: its ledger doesn't hold
 * them, and no block that was followed made or spent them. What can't be looked for isn't among them.
 */
export async function provenGone(
  chain: ChainView,
  { leadership, signal, tell }: Pick<RunningJob, 'leadership' | 'signal' | 'tell'>,
  at: ComparisonPoint,
  lost: readonly OutputReference[],
): Promise<ReadonlySet<OutputReference>> {
  if (lost.length === 0) return new Set();
  const { pool, partitionId } = leadership;
  const above = (await startHeight(pool, partitionId)) ?? -1;
  if (at.height - above > BLOCKS_MAX) return new Set();
  try {
    const held = await unspentAmong(chain, signal, at.point, lost);
    const gone = new Set(lost.filter((reference) => !held.has(reference)));
    const meter = createMeter(
      at.height - above,
      0,
      () => performance.now(),
      (report) => tell({ ...report, of: 'blocks' }),
    );
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
      meter(blocks.length);
    }
    return gone;
  } catch (error) {
    if (error instanceof PointLost || isPointGone(error)) return new Set();
    throw error;
  }
}
