import type { PlacedPayment } from '../effects.js';
import type { OutputHit } from '../match.js';
import type { MarkedSpend } from '../output-queries.js';
import { countsFrom } from '../payment.js';
import type { BlockFacts } from './digest-queries.js';
import type { Fact } from './facts.js';

/** What was really written, as facts of the blocks that it belongs to; ascending by height. */
export function factsByBlock(written: {
  readonly payments: readonly PlacedPayment[];
  readonly walletOutputs: readonly OutputHit[];
  readonly spends: readonly MarkedSpend[];
}): BlockFacts[] {
  const blocks = new Map<number, Fact[]>();
  const add = (height: number, fact: Fact): void => {
    const facts = blocks.get(height);
    if (facts === undefined) blocks.set(height, [fact]);
    else facts.push(fact);
  };
  for (const payment of written.payments) add(countsFrom(payment) ?? 0, factOfPayment(payment));
  for (const hit of written.walletOutputs) add(hit.block.block.height, factOfHit(hit));
  for (const { height, counts, ...spend } of written.spends) {
    if (counts) add(height, { type: 'spend', ...spend });
  }
  return [...blocks]
    .map(([height, facts]) => ({ height, facts }))
    .sort((a, b) => a.height - b.height);
}

export const factOfPayment = (payment: PlacedPayment): Fact => ({
  type: 'output',
  txHash: payment.txHash,
  outputIndex: payment.outputIndex,
  address: payment.address,
  lovelace: payment.amountLovelace,
  assets: payment.assets,
  block: payment.blockHash === null ? null : { hash: payment.blockHash, slot: payment.slot ?? 0 },
});

const factOfHit = ({ txHash, output, block }: OutputHit): Fact => ({
  type: 'output',
  txHash,
  outputIndex: output.index,
  address: output.address,
  lovelace: output.value.lovelace,
  assets: output.value.assets,
  block: { hash: block.block.id, slot: block.slot },
});
