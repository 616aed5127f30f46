import type { OutputReference } from '../chain/block.js';
import type { BooksBetween, WorkBetween } from '../sync/between.js';
import { addToDigest } from './digest/digest-queries.js';
import type { Fact } from './digest/facts.js';
import { type Asked, askLedger, referenceTo, stands, stillUnspent } from './ledger-question.js';
import {
  countBackfilled,
  dropVanished,
  isBackfilled,
  recordBackfill,
} from './wallet-backfill-queries.js';

export type WalletBackfillDeps = {
  readonly partitionId: number;
  readonly hotWallet: string | null;
  /** Its spend is looked for from the next block on. */
  readonly learn: (reference: OutputReference) => void;
};

/**
 * What the hot wallet held before it was followed: found by a query, and recorded without a block. After
 * a rollback below the block whose ledger was asked it is asked again: what was found may not be on the
 * new chain.
 */
export function createWalletBackfill(deps: WalletBackfillDeps): WorkBetween {
  const { partitionId, hotWallet } = deps;
  let asked: Asked | null = null;
  if (hotWallet === null) return () => Promise.resolve('nothing_to_do');
  return async (books) => {
    if (await isBackfilled(books.pool, partitionId, hotWallet)) return 'nothing_to_do';
    if (asked !== null && !(await stands(books.pool, partitionId, asked))) asked = null;
    asked ??= await askLedger(books, [hotWallet]);
    const written = await record(deps, hotWallet, books, asked);
    if (written === null) return 'moved';
    asked = null;
    return written;
  };
}

async function record(
  { partitionId, learn }: WalletBackfillDeps,
  hotWallet: string,
  books: BooksBetween,
  asked: Asked,
): Promise<{ readonly found: number } | null> {
  const { point, height } = books;
  const found = await stillUnspent(books, asked, asked.found);
  const written = await books.write(async (tx) => {
    // The books are where they were believed to be, but they may have been elsewhere in between.
    if (!(await stands(tx, partitionId, asked))) return 'elsewhere';
    // Before the commit: the next block waits for it, and must find them.
    for (const output of found) learn(referenceTo(output));
    await dropVanished(tx, partitionId, hotWallet, found);
    const counted = await countBackfilled(tx, partitionId, height, found);
    const fresh = found.filter((output) => counted.has(referenceTo(output)));
    await addToDigest(tx, partitionId, height, fresh.map(factOf));
    await recordBackfill(tx, { partitionId, address: hotWallet, point, height }, found.length);
    return { found: found.length };
  });
  return written === 'elsewhere' ? null : written;
}

const factOf = ({ txHash, output }: Asked['found'][number]): Fact => ({
  type: 'output',
  txHash,
  outputIndex: output.index,
  address: output.address,
  lovelace: output.value.lovelace,
  assets: output.value.assets,
  block: null,
});
