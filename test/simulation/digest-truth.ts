import {
  addFacts,
  type Fact,
  type FactsSum,
  FIRST_DIGEST,
  linkDigest,
  NO_FACTS,
} from '../../src/payments/digest/facts.js';
import type { ExpectedOutput } from './truth.js';

/** The digest that the devnet's own ledger gives: nothing of it is read from the books. */
export function expectedDigest(outputs: readonly ExpectedOutput[]): string {
  const sums = new Map<number, FactsSum>();
  const add = (height: number, fact: Fact): void => {
    sums.set(height, addFacts(sums.get(height) ?? NO_FACTS, [fact]));
  };
  for (const { reference, block, spentBy, spentHeight, ...output } of outputs) {
    const [txHash = '', index = ''] = reference.split('#');
    const outputIndex = Number(index);
    const assets = new Map([...output.assets].filter(([, quantity]) => quantity > 0n));
    const { address, lovelace } = output;
    const made = { hash: block?.id ?? '', slot: block?.slot ?? 0 };
    const place = block === null ? null : made;
    add(block?.height ?? output.countedFrom ?? 0, {
      ...{ type: 'output', txHash, outputIndex, address, lovelace, assets },
      block: place,
    });
    if (spentBy !== null && spentHeight !== null) {
      add(spentHeight, { type: 'spend', txHash, outputIndex, spentBy });
    }
  }
  return [...sums]
    .sort(([a], [b]) => a - b)
    .reduce((digest, [height, sum]) => linkDigest(digest, height, sum), FIRST_DIGEST);
}
