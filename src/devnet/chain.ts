import { createHash } from 'node:crypto';
import type { Height, Point, Slot, TipOrOrigin } from '../chain/point.js';
import type { BlockTree } from './block-tree.js';
import { createBlockTree } from './block-tree.js';
import type { ContentOptions } from './content.js';
import { createContent } from './content.js';
import type { TransactionDraft } from './draft.js';
import type { Filling } from './filling.js';
import { fill } from './filling.js';
import { type Endowment, makeGenesis } from './genesis.js';
import { type Ledger, mergeChanges } from './ledger.js';
import type { Mempool } from './mempool.js';
import { createMempool } from './mempool.js';
import { createRandom } from './random.js';
import type { DevnetOutput, DevnetTransaction, Reference } from './transaction.js';
import { effectOf } from './transaction.js';

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

/**
 * What to put into a block, in this order. A transaction that was built before keeps its id;
 * `orphans` are those that lost their block, as far as they are still possible.
 */
export type Content =
  | TransactionDraft
  | DevnetTransaction
  | 'random'
  | 'orphans'
  | { readonly bytes: number };

export type ChainOptions = {
  readonly seed: number | string;
  /** Chance of its own on the same genesis, so that a copy that runs apart finds other blocks. */
  readonly branch?: string;
  /** Default 42, `NETWORK=custom:42`. */
  readonly networkMagic?: number;
  /** Slot that the first block comes after. */
  readonly startSlot?: number;
  /** Height of the first block. */
  readonly startHeight?: number;
  /** Which era blocks from a height on belong to, heights ascending; all of Conway by default. */
  readonly eras?: readonly { readonly fromHeight: number; readonly era: string }[];
  readonly content?: ContentOptions;
  /** Outputs that are there before the first block, besides those that pay for drafts. */
  readonly endowments?: Iterable<Endowment>;
  /** Slots follow this clock where it says something, else chance. No block shares another's. */
  readonly slotNow?: () => number | undefined;
};

export type MineOptions = {
  /** Whether the block takes what was submitted; default true. */
  readonly takesSubmitted?: boolean;
  /** When; where that is over already, in the next slot. */
  readonly slot?: number;
};

/** A chain with its forks and the unspent outputs of every one of them. Pure: same calls, same chain. */
export type DevnetChain = {
  readonly seed: number | string;
  readonly networkMagic: number;
  /** Address that pays for drafts; holds most of the supply. */
  readonly faucet: string;
  readonly tip: TipOrOrigin;
  /** The best chain, oldest first. The array lives: copy it to keep it. */
  readonly blocks: () => readonly DevnetBlock[];
  readonly block: (id: string) => DevnetBlock | undefined;
  /** Index on the best chain; -1 for origin, undefined where the block isn't on it. */
  readonly indexOf: (position: Position) => number | undefined;
  readonly mine: (content?: readonly Content[] | 'random', options?: MineOptions) => DevnetBlock;
  /** Throws what `mine` would throw, and changes nothing; random content always works. */
  readonly check: (content: readonly (TransactionDraft | DevnetTransaction)[]) => void;
  /** Appends a block that another chain of this genesis made. Throws where it doesn't fit. */
  readonly graft: (block: DevnetBlock) => void;
  /** A Byron boundary block: no slot to clients, no transactions, its predecessor's height. */
  readonly mineBoundary: () => DevnetBlock;
  /** Forgets the last blocks; what is mined next makes the other fork. */
  readonly rollBack: (depth: number) => void;
  /** Makes the chain that ends in this block the best one. */
  readonly switchTo: (id: Position) => void;
  /** Transactions that lost their block and could still be in one: a real mempool brings them back. */
  readonly orphans: () => DevnetTransaction[];
  /** They are gone for good, as when every mempool dropped them. */
  readonly forgetOrphans: () => void;
  /** After the block, on whatever fork it is; valid until the chain is asked or changed again. */
  readonly ledgerAt: (position: Position) => Pick<Ledger, 'utxo' | 'at'>;
  /** Its unspent outputs; a copy. */
  readonly utxoAt: (position: Position) => ReadonlyMap<Reference, DevnetOutput>;
  /** The same without a copy, for the addresses alone. */
  readonly unspentAt: (
    position: Position,
    addresses: Iterable<string>,
  ) => Map<Reference, DevnetOutput>;
  readonly outputAt: (position: Position, reference: Reference) => DevnetOutput | undefined;
  /** All that the block made, also what it spent itself; as it was made. */
  readonly outputsCreatedIn: (id: string) => ReadonlyMap<Reference, DevnetOutput>;
  /** What clients submitted. A block takes it behind what is asked for and before random content. */
  readonly mempool: Pick<Mempool, 'transactions' | 'submit' | 'evict' | 'forget'>;
  /** From now on random content pays these addresses too, and spends what they have. */
  readonly watch: (addresses: readonly string[]) => void;
};

/** Blocks come 20 slots apart on average, as on mainnet. */
const SLOT_GAP_MAX = 39;

export function createChain(options: ChainOptions): DevnetChain {
  const { seed, networkMagic = 42 } = options;
  const chance = options.branch === undefined ? `${seed}` : `${seed} ${options.branch}`;
  const random = createRandom(`chain ${chance}`);
  const content = createContent(createRandom(`content ${chance}`), networkMagic, options.content);
  const first = createRandom(`genesis ${seed}`);
  const genesis = makeGenesis(seed, networkMagic, first, options.endowments);
  const tree = createBlockTree(genesis.utxo);
  const mempool = createMempool(tree, networkMagic);
  const supplies = { tree, content, wallet: genesis.wallet };

  const nextHeader = (type?: 'ebb', slotNow = options.slotNow?.()) => {
    const gap = random.between(1, SLOT_GAP_MAX);
    return headerAfter(tree.best.at(-1), { ...options, slotNow }, genesis.id, gap, type);
  };
  const close = (header: Header, { transactions, changes }: Filling): DevnetBlock => {
    const { parent, height, slot } = header;
    // The salt keeps apart what is mined twice at the same place, as another leader's key would.
    const hash = createHash('sha256').update(`${parent} ${height} ${slot} ${random.hex(8)}`);
    for (const transaction of transactions) hash.update(transaction.id);
    const id = hash.digest('hex');
    const block = { ...header, id, point: { slot, id }, transactions };
    tree.append(block, mergeChanges(changes));
    return block;
  };
  return {
    seed,
    networkMagic,
    faucet: genesis.wallet.faucet,
    get tip() {
      const last = tree.best.at(-1);
      return last === undefined ? 'origin' : { ...last.point, height: last.height };
    },
    blocks: () => tree.best,
    block: tree.block,
    indexOf: tree.indexOf,
    mine: (wanted = [], { takesSubmitted = true, slot } = {}) => {
      const header = nextHeader(undefined, slot);
      const items = wanted === 'random' ? (['random'] as const) : wanted;
      const sources = takesSubmitted ? { ...supplies, mempool } : supplies;
      const block = close(header, fill(items, header, sources));
      mempool.settle();
      return block;
    },
    check: (wanted) => {
      const { changes } = fill(wanted, nowhere, supplies);
      for (const change of [...changes].reverse()) tree.ledger.undo(change);
    },
    graft: (block) => {
      if (block.parent !== (tree.best.at(-1)?.id ?? 'origin')) {
        throw new RangeError(`block ${block.id} doesn't stand on the tip`);
      }
      const changes = block.transactions.map((one) => tree.ledger.spend(one, block.height));
      tree.append(block, mergeChanges(changes));
      mempool.settle();
    },
    mineBoundary: () => close(nextHeader('ebb'), { transactions: [], changes: [] }),
    rollBack: tree.rollBack,
    switchTo: tree.switchTo,
    orphans: tree.orphans,
    forgetOrphans: tree.forgetOrphans,
    ledgerAt: tree.ledgerAt,
    utxoAt: (position) => new Map(tree.ledgerAt(position).utxo),
    unspentAt: (position, addresses) => unspent(tree, position, addresses),
    outputAt: (position, reference) => tree.ledgerAt(position).utxo.get(reference),
    outputsCreatedIn: (id) => outputsOf(tree.block(id), id),
    mempool,
    watch: content.watch,
  };
}

/** A check mines nothing: where it would be doesn't matter. */
const nowhere = { height: 0 as Height, slot: 0 as Slot, era: 'conway' };

type Header = Omit<DevnetBlock, 'id' | 'point' | 'transactions'>;
function headerAfter(
  last: DevnetBlock | undefined,
  options: Omit<ChainOptions, 'slotNow'> & { readonly slotNow: number | undefined },
  genesisId: string,
  slots: number,
  type: 'ebb' | undefined,
): Header {
  const slotBefore = last?.slot ?? options.startSlot ?? 0;
  const now = options.slotNow;
  const before = last?.height ?? (options.startHeight ?? 0) - 1;
  const height = Math.max(0, type === 'ebb' ? before : before + 1);
  const era = type === 'ebb' ? 'byron' : eraAt(options.eras, height);
  return {
    type: type ?? (era === 'byron' ? 'bft' : 'praos'),
    era,
    ancestor: last?.id ?? (era === 'byron' ? genesisId : 'genesis'),
    parent: last?.id ?? 'origin',
    height: height as Height,
    slot: (now === undefined ? slotBefore + slots : Math.max(slotBefore + 1, now)) as Slot,
  };
}

function unspent(
  tree: BlockTree,
  position: Position,
  addresses: Iterable<string>,
): Map<Reference, DevnetOutput> {
  const ledger = tree.ledgerAt(position);
  const found = new Map<Reference, DevnetOutput>();
  for (const owner of addresses) {
    for (const reference of ledger.at(owner)) {
      const output = ledger.utxo.get(reference);
      if (output !== undefined) found.set(reference, output);
    }
  }
  return found;
}

function outputsOf(block: DevnetBlock | undefined, id: string): Map<Reference, DevnetOutput> {
  if (block === undefined) throw new RangeError(`no block ${id} on this chain or its forks`);
  const createdHeight = block.height;
  const created = block.transactions.flatMap((transaction) => effectOf(transaction).created);
  return new Map(
    created.map(([reference, output]) => [
      reference,
      { ...output, assets: output.assets ?? new Map<string, bigint>(), createdHeight },
    ]),
  );
}

const eraAt = (eras: ChainOptions['eras'], height: number): string =>
  eras?.findLast(({ fromHeight }) => fromHeight <= height)?.era ?? 'conway';
