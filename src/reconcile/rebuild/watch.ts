import type { Pool } from 'pg';
import { SECURITY_PARAMETER_BLOCKS } from '../../chain/point.js';
import { inTransaction } from '../../database/transaction.js';
import { createFingerprintSet } from '../../payments/fingerprint-set.js';
import type { OutputHit, Watched } from '../../payments/match.js';
import { takeRegistrationLock } from '../../payments/registration-lock.js';
import { addressesBetween, lastWatchId } from '../../payments/watch-queries.js';
import {
  backfilledSince,
  lowestWatchedFrom,
  newestWatchId,
  spendable,
  walletAddresses,
} from './watch-queries.js';

/** Rows a page, when the watched set is read: some 20 MB at a time. */
const PAGE_ROWS = 50_000;

export type WatchScope = {
  readonly partitionId: number;
  readonly jobId: string;
  readonly hotWallet: string | null;
  /** Outputs that were spent up to there are none of the rebuild's affair. */
  readonly fromHeight: number;
  /** Where the books were when the watched set was asked for. */
  readonly cursorHeight: number;
  /** What whoever rebuilt before knew; null where nobody did, or nothing is known of that. */
  readonly before: Matched | null;
};

/** Blocks up to a height were matched before any address behind one of them was learned. */
export type Matched = { readonly above: bigint; readonly matchedThrough: number };

/** What counts from a height on wasn't looked for in blocks up to another one. */
type Told = { readonly from: number; readonly matchedThrough: number };

/** What a rebuild looks for: a superset of what it must find. */
export type Watch = Watched & {
  /** Addresses that are watched without being registered. */
  readonly own: readonly string[];
  /**
   * To be called before blocks up to a height are matched. Registrations and backfills of the time when
   * the books stood below those blocks are known afterwards; later ones concern them only after a rollback.
   *
   * @param cursorHeight where the books are, read before this call; no lower than the blocks
   */
  learnFor(height: number, cursorHeight: number): Promise<void>;
  /** How far blocks are matched: addresses that are learned later weren't looked for up to there. */
  noteMatched(height: number): void;
  /** The last address, in the order of registration, that was looked for in all blocks that may still be rolled back. */
  watchedUpTo(): bigint;
  /**
   * The height above which blocks were matched before an address was learned that counts in them, or an output
   * that a ledger below them told of; null where there are none. A rollback moves from when on an address counts
   * further back, and the same blocks may come again without the reader of the chain ever being told that they
   * were gone.
   *
   * @param lowest blocks up to there aren't matched
   */
  missedAbove(lowest: number): Promise<number | null>;
  remember(outputs: readonly OutputHit[]): void;
};

export async function openWatch(
  pool: Pool,
  scope: WatchScope,
  signal: AbortSignal,
): Promise<Watch> {
  const { partitionId, jobId, hotWallet, fromHeight } = scope;
  const addresses = createFingerprintSet();
  const outputs = createFingerprintSet();
  let watchedUpTo = 0n;
  let knownThrough = -1;
  let matchedThrough = -1;
  let late: readonly Matched[] = [];
  let told: readonly Told[] = [];

  const learnAddresses = async (): Promise<void> => {
    if ((await newestWatchId(pool, partitionId)) <= watchedUpTo) return;
    const upTo = await inTransaction(pool, async (tx) => {
      await takeRegistrationLock(tx, partitionId);
      return lastWatchId(tx);
    });
    if (matchedThrough >= 0) late = [...late, { above: watchedUpTo, matchedThrough }];
    while (watchedUpTo < upTo) {
      const page = await addressesBetween(pool, partitionId, watchedUpTo, upTo, PAGE_ROWS);
      for (const { address } of page) addresses.add(address);
      watchedUpTo = page.length < PAGE_ROWS ? upTo : (page.at(-1)?.watchId ?? upTo);
      signal.throwIfAborted();
    }
  };
  const own = await walletAddresses(pool, partitionId);
  if (hotWallet !== null && !own.includes(hotWallet)) own.push(hotWallet);
  for (const address of own) addresses.add(address);
  // No rollback takes what is registered from now on further back than k blocks.
  const settled = (cursorHeight: number): number => cursorHeight - SECURITY_PARAMETER_BLOCKS;
  await learnAddresses();
  const sources = [
    ['payments', partitionId],
    ['wallet', partitionId],
    ['shadow', jobId],
  ] as const;
  for (const [source, of] of sources) {
    for await (const page of spendable(pool, source, of, fromHeight, PAGE_ROWS)) {
      for (const { txHash, index } of page) outputs.add(`${txHash}#${index}`);
      signal.throwIfAborted();
    }
  }
  knownThrough = settled(scope.cursorHeight);
  if (scope.before !== null) late = [scope.before];
  /** What a ledger told of since, and isn't looked for yet. */
  const backfilled = async () =>
    (await backfilledSince(pool, partitionId, knownThrough)).filter(
      ({ reference }) => !outputs.mayHave(reference),
    );
  // Also what was spent up to where reading begins: it isn't new.
  for (const { reference } of await backfilled()) outputs.add(reference);
  const lowestOf = (found: readonly { readonly countedFrom: number }[]): Told[] => {
    let from = Number.POSITIVE_INFINITY;
    for (const { countedFrom } of found) from = Math.min(from, countedFrom);
    return found.length === 0 ? [] : [{ from, matchedThrough }];
  };
  return {
    own,
    mayBeWatched: addresses.mayHave,
    mayBeRecorded: outputs.mayHave,
    async learnFor(height, cursorHeight) {
      if (height <= knownThrough) return;
      const mayStillBe = (one: { readonly matchedThrough: number }): boolean =>
        one.matchedThrough > settled(cursorHeight);
      late = late.filter(mayStillBe);
      told = told.filter(mayStillBe);
      await learnAddresses();
      const found = await backfilled();
      told = [...told, ...lowestOf(found)];
      for (const { reference } of found) outputs.add(reference);
      knownThrough = Math.max(knownThrough, settled(cursorHeight));
    },
    noteMatched(height) {
      matchedThrough = height;
      late = late.map((one) => ({ ...one, matchedThrough: Math.min(one.matchedThrough, height) }));
      told = told.map((one) => ({ ...one, matchedThrough: Math.min(one.matchedThrough, height) }));
    },
    watchedUpTo: () => late[0]?.above ?? watchedUpTo,
    async missedAbove(lowest) {
      const counting: Told[] = [...told, ...lowestOf(await backfilled())];
      for (const one of [...late, { above: watchedUpTo, matchedThrough }]) {
        const from = await lowestWatchedFrom(pool, partitionId, one.above);
        if (from !== null) counting.push({ from, matchedThrough: one.matchedThrough });
      }
      const missed = counting.flatMap((one) => {
        const above = Math.max(one.from, lowest);
        return above < one.matchedThrough ? [above] : [];
      });
      return missed.length === 0 ? null : Math.min(...missed);
    },
    remember(hits) {
      for (const { txHash, output } of hits) outputs.add(`${txHash}#${output.index}`);
    },
  };
}
