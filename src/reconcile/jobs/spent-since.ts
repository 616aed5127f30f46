import type { OutputReference } from '../../chain/block.js';
import type { Point } from '../../chain/point.js';
import type { ChainView } from '../../sync/chain-view.js';
import type { Cursor } from '../../sync/events.js';
import type { Finding } from '../model/finding.js';
import type { RunningJob } from './job.js';

/**
 * What was unspent where it was compared may be spent by now, by a block that couldn't know it: the ledger at
 * the cursor is asked. From here on blocks look for its spends.
 */
export async function spentSince(
  chain: ChainView,
  { leadership, signal }: Pick<RunningJob, 'leadership' | 'signal'>,
  { comparedAt, findings }: { readonly comparedAt: Point; readonly findings: readonly Finding[] },
  { point }: Cursor,
): Promise<ReadonlySet<OutputReference>> {
  const unspent = [
    ...new Set(
      findings.flatMap(({ onChain, reference }) =>
        onChain?.spent === 'unspent' ? [reference] : [],
      ),
    ),
  ];
  leadership.learn(unspent);
  if (unspent.length === 0 || point === 'origin' || point.id === comparedAt.id) return new Set();
  const ledger = await chain.ledgerAt(point, signal);
  try {
    const there = new Set<OutputReference>();
    for (let from = 0; from < unspent.length; from += ASKED_MAX) {
      for (const { txHash, output } of await ledger.among(unspent.slice(from, from + ASKED_MAX))) {
        there.add(`${txHash}#${output.index}`);
      }
    }
    return new Set(unspent.filter((reference) => !there.has(reference)));
  } finally {
    await ledger.release();
  }
}

const ASKED_MAX = 5_000;
