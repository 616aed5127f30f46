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
  const spentBy = new Map(path.flatMap((block) => factsOf(chain, block).spent));
  return path.flatMap((block) =>
    factsOf(chain, block)
      .created.filter(
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

type Facts = {
  readonly created: readonly (readonly [string, DevnetOutput])[];
  readonly spent: readonly (readonly [reference: string, spentBy: string])[];
};
const remembered = new WeakMap<DevnetBlock, Facts>();

/** A block never changes, and each is asked for after every commit above it. */
function factsOf(chain: DevnetChain, block: DevnetBlock): Facts {
  const known = remembered.get(block);
  if (known !== undefined) return known;
  const facts = {
    created: [...chain.outputsCreatedIn(block.id)],
    spent: block.transactions.flatMap((transaction) =>
      effectOf(transaction).spent.map((reference) => [reference, transaction.id] as const),
    ),
  };
  remembered.set(block, facts);
  return facts;
}
