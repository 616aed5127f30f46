import { createHash } from 'node:crypto';
import type { Height, Point, Slot, TipOrOrigin } from '../chain/point.js';
import type { AddressKind } from './address.js';
import { makeAddress } from './address.js';
import type { ContentOptions } from './content.js';
import { createContent } from './content.js';
import type { TransactionDraft, Wallet } from './draft.js';
import { complete } from './draft.js';
import type { LedgerChange } from './ledger.js';
import { LedgerError, mergeChanges } from './ledger.js';
import { createRandom } from './random.js';
import type { DevnetOutput, DevnetTransaction, Reference } from './transaction.js';
import { effectOf, referenceOf } from './transaction.js';
import { createWalkingLedger } from './walking-ledger.js';

/** A block's id, or what stands before the first block. */
export type Position = string;

export type DevnetBlock = {
  readonly type: 'ebb' | 'bft' | 'praos';
  readonly era: string;
  readonly id: string;
  /** The predecessor's id, or `genesis`. */
  readonly ancestor: string;
  /** The predecessor's id, or `origin`. */
  readonly parent: Position;
  readonly height: Height;
  readonly slot: Slot;
  readonly point: Point;
  readonly transactions: readonly DevnetTransaction[];
};

/** What to put into a block, in this order. A transaction that was built before keeps its id. */
export type Content = TransactionDraft | DevnetTransaction | 'random' | { readonly bytes: number };

export type ChainOptions = {
  readonly seed: number | string;
  /** Default 42, `NETWORK=custom:42`. */
  readonly networkMagic?: number;
  /** Slot that the first block comes after. */
  readonly startSlot?: number;
  /** Height of the first block. */
  readonly startHeight?: number;
  /** Which era blocks from a height on belong to, heights ascending; all of Conway by default. */
  readonly eras?: readonly { readonly fromHeight: number; readonly era: string }[];
  readonly content?: ContentOptions;
};

/** A chain with its forks and the unspent outputs of every one of them. Pure: same calls, same chain. */
export type DevnetChain = {
  readonly seed: number | string;
  readonly networkMagic: number;
  /** Address that pays for drafts; holds most of the supply. */
  readonly faucet: string;
  readonly tip: TipOrOrigin;
  /** The best chain, oldest first. The array lives: copy it to keep it. */
  blocks(): readonly DevnetBlock[];
  block(id: string): DevnetBlock | undefined;
  /** Index on the best chain; -1 for origin, undefined where the block isn't on it. */
  indexOf(position: Position): number | undefined;
  mine(content?: readonly Content[] | 'random'): DevnetBlock;
  /** A Byron boundary block: no slot to clients, no transactions, its predecessor's height. */
  mineBoundary(): DevnetBlock;
  /** Forgets the last blocks; what is mined next makes the other fork. */
  rollBack(depth: number): void;
  /** Makes the chain that ends in this block the best one. */
  switchTo(id: Position): void;
  /** Transactions that lost their block and could still be in one: a real mempool brings them back. */
  orphans(): DevnetTransaction[];
  /** They are gone for good, as when every mempool dropped them. */
  forgetOrphans(): void;
  /** Unspent outputs after the block, on whatever fork it is; a copy. */
  utxoAt(position: Position): ReadonlyMap<Reference, DevnetOutput>;
  /** The same without a copy, for the addresses alone. */
  unspentAt(position: Position, addresses: Iterable<string>): Map<Reference, DevnetOutput>;
  outputAt(position: Position, reference: Reference): DevnetOutput | undefined;
  /** All that the block made, also what it spent itself; as it was made. */
  outputsCreatedIn(id: string): ReadonlyMap<Reference, DevnetOutput>;
  /** From now on random content pays these addresses too, and spends what they have. */
  readonly watch: (addresses: readonly string[]) => void;
};

const FAUCET_OUTPUTS = 32;
const FAUCET_LOVELACE = 10n ** 15n;
const PURSE_OUTPUTS = 256;
const PURSE_LOVELACE = 50_000_000n;
/** Above 2^53, so that even the first ledger state can't be read with floats. */
const WHALE_LOVELACE = 12_345_678_901_234_567n;
/** Blocks come 20 slots apart on average, as on mainnet. */
const SLOT_GAP_MAX = 39;
/** A node brings back what its mempool still holds: enough for any fork a test makes. */
const ORPHANS_MAX = 10_000;

type Stored = { readonly block: DevnetBlock; readonly change: LedgerChange };

export function createChain(options: ChainOptions): DevnetChain {
  const networkMagic = options.networkMagic ?? 42;
  const random = createRandom(`chain ${options.seed}`);
  const content = createContent(
    createRandom(`content ${options.seed}`),
    networkMagic,
    options.content,
  );
  const address = (kind: AddressKind) =>
    makeAddress(kind, networkMagic, random.bytes(28), random.bytes(28));
  const wallet = { faucet: address('base'), purse: address('enterprise') };
  const genesis = genesisOutputs(options.seed, wallet, address('enterprise'));
  const tree = new Map<string, Stored>();
  const best: DevnetBlock[] = [];
  const index = new Map<string, number>();
  const orphaned = new Map<string, DevnetTransaction>();
  // Two ledgers, so that questions about the past don't make the tip walk there and back.
  const atTip = createWalkingLedger(genesis, (id) => known(tree, id));
  const anywhere = createWalkingLedger(genesis, (id) => known(tree, id));

  const append = (block: DevnetBlock): void => {
    index.set(block.id, best.length);
    best.push(block);
    for (const { id } of block.transactions) orphaned.delete(id);
  };
  const rollBack = (depth: number): void => {
    if (depth > best.length) throw new RangeError(`${depth} blocks back is before the first block`);
    for (const block of best.splice(best.length - depth)) {
      index.delete(block.id);
      for (const transaction of block.transactions) orphaned.set(transaction.id, transaction);
    }
    for (const id of orphaned.keys()) if (orphaned.size > ORPHANS_MAX) orphaned.delete(id);
    atTip.moveTo(best.at(-1)?.id ?? 'origin');
  };
  const orphans = (): DevnetTransaction[] => {
    const made = new Set<Reference>();
    const gone = new Set<Reference>();
    return [...orphaned.values()].filter((transaction) => {
      const { spent, created } = effectOf(transaction);
      const possible = spent.every(
        (reference) =>
          !gone.has(reference) && (made.has(reference) || atTip.ledger.utxo.has(reference)),
      );
      if (possible) for (const [reference] of created) made.add(reference);
      if (possible) for (const reference of spent) gone.add(reference);
      return possible;
    });
  };
  const nextHeader = (type: DevnetBlock['type']) => {
    const previous = best.at(-1);
    const start = { slot: options.startSlot ?? 0, height: (options.startHeight ?? 0) - 1 };
    const height = (previous?.height ?? start.height) + (type === 'ebb' ? 0 : 1);
    const slot = (previous?.slot ?? start.slot) + random.between(1, SLOT_GAP_MAX);
    return { previous, height: Math.max(0, height) as Height, slot: slot as Slot };
  };
  const close = (
    type: DevnetBlock['type'],
    { previous, height, slot }: ReturnType<typeof nextHeader>,
    era: string,
    transactions: readonly DevnetTransaction[],
    changes: readonly LedgerChange[],
  ): DevnetBlock => {
    const parent = previous?.id ?? 'origin';
    const hash = createHash('sha256').update(`${parent} ${height} ${slot} ${random.hex(8)}`);
    for (const transaction of transactions) hash.update(transaction.id);
    const id = hash.digest('hex');
    const ancestor = previous?.id ?? (type === 'praos' ? 'genesis' : idOfGenesis(options.seed));
    const point = { slot, id };
    const block = { type, era, id, ancestor, parent, height, slot, point, transactions };
    tree.set(id, { block, change: mergeChanges(changes) });
    atTip.arrivedAt(id);
    append(block);
    return block;
  };
  const mine = (wanted: readonly Content[] | 'random' = []): DevnetBlock => {
    const header = nextHeader('praos');
    const era = eraAt(options.eras, header.height);
    const changes: LedgerChange[] = [];
    const transactions: DevnetTransaction[] = [];
    const include = (transaction: DevnetTransaction): void => {
      changes.push(atTip.ledger.spend(transaction, header.height));
      transactions.push(transaction);
    };
    try {
      for (const item of wanted === 'random' ? (['random'] as const) : wanted) {
        if (item === 'random') {
          for (const transaction of orphans())
            if (content.comesBack()) tryTo(() => include(transaction));
          const count = content.transactionCount();
          for (let i = 0; i < count; i += 1) {
            const draft = content.draft(atTip.ledger, transactions, header.slot, era);
            include(complete(draft, atTip.ledger, wallet));
          }
        } else if ('bytes' in item) {
          include(complete(content.filler(item.bytes), atTip.ledger, wallet));
        } else {
          include('id' in item ? item : complete(item, atTip.ledger, wallet));
        }
      }
    } catch (error) {
      for (const change of changes.reverse()) atTip.ledger.undo(change);
      throw error;
    }
    return close(era === 'byron' ? 'bft' : 'praos', header, era, transactions, changes);
  };
  return {
    seed: options.seed,
    networkMagic,
    faucet: wallet.faucet,
    get tip() {
      const last = best.at(-1);
      return last === undefined ? 'origin' : { ...last.point, height: last.height };
    },
    blocks: () => best,
    block: (id) => tree.get(id)?.block,
    indexOf: (position) => (position === 'origin' ? -1 : index.get(position)),
    mine,
    mineBoundary: () => close('ebb', nextHeader('ebb'), 'byron', [], []),
    rollBack,
    switchTo: (id) => {
      const branch: DevnetBlock[] = [];
      let at = id;
      while (at !== 'origin' && !index.has(at)) {
        const stored = known(tree, at);
        branch.push(stored.block);
        at = stored.block.parent;
      }
      rollBack(best.length - 1 - (at === 'origin' ? -1 : (index.get(at) ?? -1)));
      atTip.moveTo(id);
      for (const block of branch.reverse()) append(block);
    },
    orphans,
    forgetOrphans: () => orphaned.clear(),
    utxoAt: (position) => new Map(anywhere.moveTo(position).utxo),
    unspentAt: (position, addresses) => {
      const ledger = anywhere.moveTo(position);
      const found = new Map<Reference, DevnetOutput>();
      for (const owner of addresses) {
        for (const reference of ledger.at(owner)) {
          const output = ledger.utxo.get(reference);
          if (output !== undefined) found.set(reference, output);
        }
      }
      return found;
    },
    outputAt: (position, reference) => anywhere.moveTo(position).utxo.get(reference),
    outputsCreatedIn: (id) => {
      const { block } = known(tree, id);
      const createdHeight = block.height;
      return new Map(
        block.transactions.flatMap((transaction) =>
          effectOf(transaction).created.map(
            ([reference, output]) =>
              [
                reference,
                { ...output, assets: output.assets ?? new Map(), createdHeight },
              ] as const,
          ),
        ),
      );
    },
    watch: content.watch,
  };
}

function known(tree: ReadonlyMap<string, Stored>, id: string): Stored {
  const stored = tree.get(id);
  if (stored === undefined) throw new RangeError(`no block ${id} on this chain or its forks`);
  return stored;
}

const idOfGenesis = (seed: number | string): string =>
  createHash('sha256').update(`genesis ${seed}`).digest('hex');

function genesisOutputs(
  seed: number | string,
  { faucet, purse }: Wallet,
  whale: string,
): Map<Reference, DevnetOutput> {
  const id = idOfGenesis(seed);
  const outputs = new Map<Reference, DevnetOutput>();
  const put = (index: number, address: string, lovelace: bigint): void => {
    outputs.set(referenceOf(id, index), {
      address,
      lovelace,
      assets: new Map(),
      createdHeight: -1,
    });
  };
  for (let i = 0; i < FAUCET_OUTPUTS; i += 1) put(i, faucet, FAUCET_LOVELACE);
  put(FAUCET_OUTPUTS, whale, WHALE_LOVELACE);
  for (let i = 1; i <= PURSE_OUTPUTS; i += 1) put(FAUCET_OUTPUTS + i, purse, PURSE_LOVELACE);
  return outputs;
}

const eraAt = (eras: ChainOptions['eras'], height: number): string =>
  eras?.findLast(({ fromHeight }) => fromHeight <= height)?.era ?? 'conway';

/** An orphan may lose against one that came before it in the same block: it stays away. */
function tryTo(include: () => void): void {
  try {
    include();
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
  }
}
