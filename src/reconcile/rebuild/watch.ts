import type { Pool } from 'pg';
import type { OutputHit, Watched } from '../../payments/match.js';
import { type LearnedAddresses, learnAddresses } from './learned-addresses.js';
import { type KnownTold, learnOutputs, type OutputsScope } from './learned-outputs.js';
import { lowestNews } from './told.js';
import {
  missedAbove,
  nothingLookedFor,
  stillOpen,
  takenBack,
  type Unmatched,
} from './unmatched.js';
import { lowestWatchedFrom, toldBetween } from './watch-queries.js';

export type WatchScope = OutputsScope & {
  readonly hotWallet: string | null;
  /** What whoever rebuilt before looked for, and in blocks up to where; null where none were matched yet. */
  readonly before: { readonly looked: Looked | null; readonly matchedThrough: number } | null;
};

/** What was looked for in blocks that were matched: saved with them, so that nobody who goes on has to guess. */
export type Looked = {
  /** The last address by `watch_id`. */
  readonly addressesUpTo: string;
  readonly told: KnownTold;
  readonly unmatched: readonly Unmatched[];
};

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
  /** How far blocks are matched: what is learned later wasn't looked for up to there. */
  noteMatched(height: number): void;
  /** In blocks up to the height that was learned for last. */
  looked(): Looked;
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
  const { partitionId } = scope;
  const addresses = await learnAddresses(pool, scope, signal);
  const outputs = await learnOutputs(pool, scope, signal);
  let matchedThrough = -1;
  // After all was learned: what is told from here on is news to this one too.
  let unmatched = await leftUnmatched(pool, scope);

  return {
    own: addresses.own,
    mayBeWatched: addresses.mayHave,
    mayBeRecorded: outputs.mayHave,
    remember: outputs.remember,
    async learnFor(height, cursorHeight) {
      if (height <= outputs.settled()) return;
      const registered = unlearned(addresses, matchedThrough);
      await addresses.learn();
      if (addresses.upTo().toString() !== registered.behind) unmatched = [...unmatched, registered];
      unmatched = [
        ...unmatched,
        ...countingFrom(await outputs.learn(cursorHeight), matchedThrough),
      ];
    },
    noteMatched(height) {
      matchedThrough = height;
      unmatched = takenBack(unmatched, height);
    },
    looked: () => ({
      addressesUpTo: addresses.upTo().toString(),
      told: outputs.known(),
      unmatched,
    }),
    async missedAbove(lowest) {
      const news = countingFrom(await outputs.news(), matchedThrough);
      const list = [...unmatched, ...news, unlearned(addresses, matchedThrough)];
      const behind = list.flatMap((one) => (one.what === 'addresses' ? [one.behind] : []));
      const above = missedAbove(list, await lowestWatchedFrom(pool, partitionId, behind), lowest);
      if (above === null) unmatched = stillOpen(unmatched, outputs.settled());
      return above;
    },
  };
}

const unlearned = (addresses: LearnedAddresses, matchedThrough: number) =>
  ({ what: 'addresses', behind: addresses.upTo().toString(), matchedThrough }) as const;

const countingFrom = (from: number | null, matchedThrough: number): readonly Unmatched[] =>
  from === null ? [] : [{ what: 'outputs', from, matchedThrough }];

/** What whoever rebuilt before didn't look for, or didn't live to. */
async function leftUnmatched(
  pool: Pool,
  { partitionId, before }: WatchScope,
): Promise<readonly Unmatched[]> {
  if (before === null) return [];
  const { looked, matchedThrough } = before;
  if (looked === null) return [nothingLookedFor(matchedThrough)];
  const { addressesUpTo, told, unmatched } = looked;
  const range = { from: told.since, below: matchedThrough };
  const news = lowestNews(told.digests, await toldBetween(pool, partitionId, range));
  return [
    ...unmatched,
    { what: 'addresses', behind: addressesUpTo, matchedThrough },
    ...countingFrom(news, matchedThrough),
  ];
}
