import type { DevnetBlock, DevnetChain } from '../../src/devnet/chain.js';
import type { DevnetOutput } from '../../src/devnet/transaction.js';
import { effectOf } from '../../src/devnet/transaction.js';

/** What the books should hold, made from the devnet's own ledger and nothing of the worker's. */
export type ExpectedOutput = {
  readonly reference: string;
  readonly address: string;
  readonly lovelace: bigint;
  readonly assets: ReadonlyMap<string, bigint>;
  readonly block: DevnetBlock;
  readonly spentBy: string | null;
};

/** The blocks from the start point (exclusive) to a block, oldest first. */
export function pathTo(chain: DevnetChain, id: string, startId: string): DevnetBlock[] {
  const path: DevnetBlock[] = [];
  for (let at = id; at !== startId && at !== 'origin'; ) {
    const block = chain.block(at);
    if (block === undefined)
      throw new Error(`the cursor stands on ${at}, which the devnet never made`);
    path.push(block);
    at = block.parent;
  }
  return path.reverse();
}

/**
 * @param countsFrom per address the height above which outputs count: where the cursor stood, at its
 *   lowest, since the address was registered
 */
export function expectedOutputs(
  chain: DevnetChain,
  path: readonly DevnetBlock[],
  countsFrom: ReadonlyMap<string, number>,
): ExpectedOutput[] {
  const spentBy = new Map<string, string>();
  for (const block of path) {
    for (const transaction of block.transactions) {
      for (const reference of effectOf(transaction).spent) spentBy.set(reference, transaction.id);
    }
  }
  return path.flatMap((block) =>
    [...chain.outputsCreatedIn(block.id)]
      .filter(
        ([, output]) => block.height > (countsFrom.get(output.address) ?? Number.POSITIVE_INFINITY),
      )
      .map(([reference, output]: readonly [string, DevnetOutput]) => ({
        reference,
        address: output.address,
        lovelace: output.lovelace,
        assets: output.assets,
        block,
        spentBy: spentBy.get(reference) ?? null,
      })),
  );
}
