import type { BlockTree } from './block-tree.js';
import type { Content, DevnetBlock } from './chain.js';
import type { ContentSource } from './content.js';
import type { Wallet } from './draft.js';
import { complete } from './draft.js';
import type { LedgerChange } from './ledger.js';
import { LedgerError } from './ledger.js';
import type { Mempool } from './mempool.js';
import { isValidIn } from './mempool.js';
import type { DevnetTransaction } from './transaction.js';

/** What a block holds, and what that did to the ledger. */
export type Filling = {
  readonly transactions: readonly DevnetTransaction[];
  readonly changes: readonly LedgerChange[];
};

/** Where transactions come from, and where they go. */
export type Supplies = {
  readonly tree: BlockTree;
  readonly content: ContentSource;
  readonly wallet: Wallet;
  /** Without one, blocks hold nothing of what was submitted. */
  readonly mempool?: Mempool;
};

/**
 * Puts transactions into the tip's ledger one by one; all that were asked for, or none where one of
 * them is impossible. What was submitted comes behind those and before random content.
 */
export function fill(
  wanted: readonly Content[],
  { height, slot, era }: Pick<DevnetBlock, 'height' | 'slot' | 'era'>,
  { tree, content, wallet, mempool }: Supplies,
): Filling {
  const { ledger } = tree;
  const changes: LedgerChange[] = [];
  const transactions: DevnetTransaction[] = [];
  const include = (transaction: DevnetTransaction): void => {
    changes.push(ledger.spend(transaction, height));
    transactions.push(transaction);
  };
  const includeOrphans = (comesBack: (orphan: DevnetTransaction) => boolean): void => {
    for (const orphan of tree.orphans()) {
      const timely = orphan.signed === undefined || isValidIn(slot, orphan);
      if (timely && comesBack(orphan)) tryTo(() => include(orphan));
    }
  };
  const random = (): void => {
    includeOrphans(({ signed }) => signed === undefined && content.comesBack());
    for (let count = content.transactionCount(); count > 0; count -= 1) {
      include(complete(content.draft(ledger, transactions, slot, era), ledger, wallet));
    }
  };
  let submitted = mempool?.forBlock(slot) ?? [];
  const includeSubmitted = (): void => {
    const included = new Set(transactions.map(({ id }) => id));
    for (const one of submitted) if (!included.has(one.id)) tryTo(() => include(one));
    submitted = [];
  };
  const add = (item: Content): void => {
    if (item === 'random') random();
    else if (item === 'orphans') includeOrphans(() => true);
    else if ('id' in item) include(item);
    else if ('bytes' in item) include(complete(content.filler(item.bytes), ledger, wallet));
    else include(complete(item, ledger, wallet));
  };
  try {
    for (const item of wanted) {
      if (item === 'random') includeSubmitted();
      add(item);
    }
    includeSubmitted();
  } catch (error) {
    for (const change of changes.reverse()) ledger.undo(change);
    throw error;
  }
  return { transactions, changes };
}

/** One may need another that stays away, or lose against one that came first: it waits. */
function tryTo(include: () => void): void {
  try {
    include();
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
  }
}
