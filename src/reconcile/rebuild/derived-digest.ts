import type { Tx } from '../../database/transaction.js';
import { readDigest } from '../../payments/digest/digest-queries.js';
import { addFacts, type FactsSum, linkDigest, NO_FACTS } from '../../payments/digest/facts.js';
import type { CompareScope } from './candidate-queries.js';
import { derivedFacts } from './derived-facts.js';

/** The state digest right after a block, as it is stored and as the blocks make it. */
export type DigestComparison = {
  readonly height: number;
  readonly stored: string;
  readonly derived: string;
};

/** Folds what was derived onto the digest that is stored for where reading began. */
export async function compareDigests(tx: Tx, scope: CompareScope): Promise<DigestComparison> {
  const { partitionId, fromHeight, height } = scope;
  let { digest } = await readDigest(tx, partitionId, fromHeight);
  let block: { height: number; sum: FactsSum } | null = null;
  for await (const page of derivedFacts(tx, scope)) {
    for (const { height: at, fact } of page) {
      if (block !== null && block.height !== at) {
        digest = linkDigest(digest, block.height, block.sum);
        block = null;
      }
      block = { height: at, sum: addFacts(block?.sum ?? NO_FACTS, [fact]) };
    }
  }
  if (block !== null) digest = linkDigest(digest, block.height, block.sum);
  const { digest: stored } = await readDigest(tx, partitionId, height);
  return { height, stored, derived: digest };
}
