import type { DevnetBlock, DevnetChain } from '../../src/devnet/chain.js';
import type { DevnetOutput } from '../../src/devnet/transaction.js';
import { effectOf } from '../../src/devnet/transaction.js';

/** What the books should hold, made from the devnet's own ledger and nothing of the worker's. */
export type ExpectedOutput = {
  readonly reference: string;
  readonly address: string;
  readonly lovelace: bigint;
  readonly assets: ReadonlyMap<string, bigint>;
  /** Null where it was there before its address was followed. */
  readonly block: DevnetBlock | null;
  /** Height of the ledger that was asked for it. */
  readonly countedFrom: number | null;
  readonly spentBy: string | null;
  readonly spentHeight: number | null;
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

export type Followed = {
  /** Per address the height above which outputs count: where the cursor stood, at its lowest, since it was registered. */
  readonly countsFrom: ReadonlyMap<string, number>;
  /** Per address the height of the ledger that was asked for what it held; none until then. */
  readonly backfilled: ReadonlyMap<string, number>;
  readonly start: { readonly id: string; readonly height: number };
};

export function expectedOutputs(
  chain: DevnetChain,
  path: readonly DevnetBlock[],
  followed: Followed,
): ExpectedOutput[] {
  const spentBy: Spends = new Map(path.flatMap((block) => spendsIn(chain, block)));
  const seen = path.flatMap((block) =>
    factsOf(chain, block)
      .created.filter(
        ([, { address }]) =>
          block.height > (followed.countsFrom.get(address) ?? Number.POSITIVE_INFINITY),
      )
      .map(([reference, output]) => expectedOf(reference, output, block, null, spentBy)),
  );
  const known = new Set(seen.map(({ reference }) => reference));
  const before = [...followed.backfilled].flatMap(([address, height]) => {
    const at = path.findLast((block) => block.height <= height)?.id ?? followed.start.id;
    return [...chain.unspentAt(at, [address])].flatMap(([reference, output]) =>
      known.has(reference) ? [] : expectedOf(reference, output, null, height, spentBy),
    );
  });
  return [...seen, ...before];
}

/** A row that may be there and need not: what a rollback took back, and a followed block then spent. */
export type Claim = {
  readonly reference: string;
  readonly countedFrom: number | null;
  readonly spentBy: string | null;
};

/** Those of the claims that are true: the output was there, and the block it counts from spent it. */
export function returnedOutputs(
  chain: DevnetChain,
  path: readonly DevnetBlock[],
  claims: readonly Claim[],
): ExpectedOutput[] {
  return claims.flatMap(({ reference, countedFrom, spentBy }) => {
    const block = path.find(({ height }) => height === countedFrom);
    if (block === undefined || spentBy === null) return [];
    const output = chain.outputAt(block.parent, reference);
    const spends: Spends = new Map(spendsIn(chain, block));
    if (output === undefined || spends.get(reference)?.by !== spentBy) return [];
    return [expectedOf(reference, output, null, countedFrom, spends)];
  });
}

const expectedOf = (
  reference: string,
  output: DevnetOutput,
  block: DevnetBlock | null,
  countedFrom: number | null,
  spends: Spends,
): ExpectedOutput => ({
  reference,
  address: output.address,
  lovelace: output.lovelace,
  assets: output.assets,
  block,
  countedFrom,
  spentBy: spends.get(reference)?.by ?? null,
  spentHeight: spends.get(reference)?.height ?? null,
});

type Spends = ReadonlyMap<string, { readonly by: string; readonly height: number }>;

const spendsIn = (chain: DevnetChain, block: DevnetBlock) =>
  factsOf(chain, block).spent.map(
    ([reference, by]) => [reference, { by, height: block.height }] as const,
  );

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
