import type { OutputReference } from '../../chain/block.js';
import type { Point } from '../../chain/point.js';
import type { ChainView } from '../../sync/chain-view.js';
import type { Cursor } from '../../sync/events.js';
import type { Finding } from '../model/finding.js';
import type { RunningJob } from './job.js';
import { unspentAmong } from './ledger-among.js';

/**
 * What was unspent where it was compared may be spent by now, by a block that couldn't know it: the ledger at
 * the cursor is asked. From here on blocks look for its spends.
 *
 * Rejects with POINT_GONE where no node has that ledger: the cursor is about to go where the node went.
 */
export async function spentSince(
  chain: ChainView,
  { leadership, signal }: Pick<RunningJob, 'leadership' | 'signal'>,
  { comparedAt, findings }: { readonly comparedAt: Point; readonly findings: readonly Finding[] },
  { point }: Cursor,
): Promise<ReadonlySet<OutputReference>> {
  const found = findings.flatMap(({ onChain, reference }) =>
    onChain?.spent === 'unspent' ? [reference] : [],
  );
  const unspent = [...new Set(found)];
  leadership.learn(unspent);
  if (unspent.length === 0 || point === 'origin' || point.id === comparedAt.id) return new Set();
  const still = await unspentAmong(chain, signal, point, unspent);
  return new Set(unspent.filter((reference) => !still.has(reference)));
}
