import type { Tx } from '../../database/transaction.js';
import { readDigest } from '../../payments/digest/digest-queries.js';
import { addFacts, linkDigest, NO_FACTS } from '../../payments/digest/facts.js';
import { recompute } from '../../payments/digest/recompute.js';
import type { CompareScope } from './candidate-queries.js';
import { derivedFacts } from './derived-facts.js';

/** The state digest right after a block, as it is stored and as the blocks make it. */
export type DigestComparison = {
  readonly height: number;
  readonly stored: string;
  readonly derived: string;
  /** As the live tables make it. */
  readonly tables: string;
};

/** Whether blocks, tables and what is stored make one and the same. */
export const isProven = ({ stored, derived, tables }: DigestComparison): boolean =>
  stored === derived && tables === derived;

/** Folds what was derived onto the digest that is stored for where reading began. */
export async function compareDigests(tx: Tx, scope: CompareScope): Promise<DigestComparison> {
  const { partitionId, fromHeight, height } = scope;
  let { digest } = await readDigest(tx, partitionId, fromHeight);
  let tables = digest;
  let block = { height: fromHeight, sum: NO_FACTS };
  const close = (): void => {
    if (block.sum.facts > 0) digest = linkDigest(digest, block.height, block.sum);
  };
  for await (const page of derivedFacts(tx, scope)) {
    for (const { height: at, fact } of page) {
      if (block.height !== at) {
        close();
        block = { height: at, sum: NO_FACTS };
      }
      block = { height: at, sum: addFacts(block.sum, [fact]) };
    }
  }
  close();
  const { digest: stored } = await readDigest(tx, partitionId, height);
  for await (const sum of recompute(tx, partitionId, { above: fromHeight, upTo: height })) {
    tables = linkDigest(tables, sum.height, sum);
  }
  return { height, stored, derived: digest, tables };
}
