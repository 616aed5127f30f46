import type { DevnetBlock, Position } from './chain.js';
import type { Ledger, LedgerChange } from './ledger.js';
import type { DevnetOutput, DevnetTransaction, Reference } from './transaction.js';
import { effectOf } from './transaction.js';
import { createWalkingLedger } from './walking-ledger.js';

/** Blocks of all forks, which of them are the best chain, and the ledger after each. */
export type BlockTree = {
  /** Oldest first. */
  readonly best: readonly DevnetBlock[];
  /** At the tip. Whoever changes it by hand either appends a block with that change or undoes it. */
  readonly ledger: Ledger;
  /** The ledger after any block; valid until the next call. */
  readonly ledgerAt: (position: Position) => Ledger;
  readonly block: (id: string) => DevnetBlock | undefined;
  readonly indexOf: (position: Position) => number | undefined;
  readonly append: (block: DevnetBlock, change: LedgerChange) => void;
  readonly rollBack: (depth: number) => void;
  readonly switchTo: (position: Position) => void;
  /** Transactions that lost their block, in the order of those. */
  readonly orphaned: ReadonlyMap<string, DevnetTransaction>;
  /** Those of them that could all be in one block, in this order. */
  readonly orphans: () => DevnetTransaction[];
  readonly forgetOrphan: (id: string) => void;
  readonly forgetOrphans: () => void;
};

/** A node brings back what its mempool still holds: enough for any fork a test makes. */
const ORPHANS_MAX = 10_000;

export function createBlockTree(genesis: ReadonlyMap<Reference, DevnetOutput>): BlockTree {
  const tree = new Map<string, { block: DevnetBlock; change: LedgerChange }>();
  const best: DevnetBlock[] = [];
  const index = new Map<string, number>();
  const orphaned = new Map<string, DevnetTransaction>();
  const step = (id: string) => {
    const found = tree.get(id);
    if (found === undefined) throw new RangeError(`no block ${id} on this chain or its forks`);
    return found;
  };
  // Two ledgers, so that questions about the past don't make the tip walk there and back.
  const atTip = createWalkingLedger(genesis, step);
  const anywhere = createWalkingLedger(genesis, step);

  const extend = (block: DevnetBlock): void => {
    index.set(block.id, best.length);
    best.push(block);
    for (const { id } of block.transactions) orphaned.delete(id);
  };
  const rollBack = (depth: number): void => {
    if (!Number.isInteger(depth) || depth < 0 || depth > best.length) {
      throw new RangeError(`can't go ${depth} blocks back: the chain has ${best.length}`);
    }
    for (const block of best.splice(best.length - depth)) {
      index.delete(block.id);
      for (const transaction of block.transactions) orphaned.set(transaction.id, transaction);
    }
    for (const id of orphaned.keys()) if (orphaned.size > ORPHANS_MAX) orphaned.delete(id);
    atTip.moveTo(best.at(-1)?.id ?? 'origin');
  };
  const indexOf = (position: Position) => (position === 'origin' ? -1 : index.get(position));
  return {
    best,
    ledger: atTip.ledger,
    ledgerAt: anywhere.moveTo,
    block: (id) => tree.get(id)?.block,
    indexOf,
    append: (block, change) => {
      tree.set(block.id, { block, change });
      atTip.arrivedAt(block.id);
      extend(block);
    },
    rollBack,
    switchTo: (position) => {
      const branch: DevnetBlock[] = [];
      let at = position;
      for (; indexOf(at) === undefined; at = step(at).block.parent) branch.push(step(at).block);
      rollBack(best.length - 1 - (indexOf(at) ?? -1));
      atTip.moveTo(position);
      for (const block of branch.reverse()) extend(block);
    },
    orphaned,
    orphans: () => stillPossible(orphaned.values(), atTip.ledger),
    forgetOrphan: (id) => void orphaned.delete(id),
    forgetOrphans: () => orphaned.clear(),
  };
}

function stillPossible(
  transactions: Iterable<DevnetTransaction>,
  { utxo }: Ledger,
): DevnetTransaction[] {
  const made = new Set<Reference>();
  const gone = new Set<Reference>();
  return [...transactions].filter((transaction) => {
    const { spent, created } = effectOf(transaction);
    const there = (one: Reference) => !gone.has(one) && (made.has(one) || utxo.has(one));
    if (!spent.every(there)) return false;
    for (const [reference] of created) made.add(reference);
    for (const reference of spent) gone.add(reference);
    return true;
  });
}
