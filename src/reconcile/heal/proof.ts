import type { Pool } from 'pg';
import type { Queryable } from '../../database/transaction.js';
import { readDigest, storedDigests, storedSumsAt } from '../../payments/digest/digest-queries.js';
import { type FactsSum, linkDigest, NO_FACTS } from '../../payments/digest/facts.js';
import { recompute, recomputeAt } from '../../payments/digest/recompute.js';
import { changedRows } from '../seals/check-queries.js';
import { checkPayouts } from '../verify/payout-check-queries.js';
import type { Stretch } from './proven-queries.js';

const SEALS_MAX = 2_000_000_000;
const SHOWN_MAX = 10_000;
/** Of seals that a person has to look at one by one. */
const SEALS_SHOWN_MAX = 20;

/** What nothing may be booked after, looked at beside the chain. */
export type Doubts = {
  /**
   * Of an entry by hand that was deleted or given to another user nothing is left that names its owner: once
   * a sealed entry was changed, whoever's balance it is may lack it.
   */
  readonly exceptUsers: 'nobody' | 'everybody';
  readonly exceptPayouts: ReadonlySet<string> | null;
  /** Whose rows, of ledger or audit log, aren't what was sealed: whatever is healed, only a person's acceptance ends that. */
  readonly sealsChanged: SealsChanged;
};

/** All of them, and the first ones as `balance accept-seal` takes them. */
export type SealsChanged = { readonly count: number; readonly shown: readonly string[] };

export async function readDoubts(pool: Pool): Promise<Doubts> {
  const entries = await changedRows(pool, 'ledger', [0, SEALS_MAX], SEALS_SHOWN_MAX);
  const audit = await changedRows(pool, 'audit', [0, SEALS_MAX], SEALS_SHOWN_MAX);
  const payouts = await checkPayouts(pool, SHOWN_MAX);
  return {
    exceptUsers: entries.count === 0 ? 'nobody' : 'everybody',
    exceptPayouts:
      payouts.count > payouts.shown.length
        ? null
        : new Set(payouts.shown.flatMap(({ payoutId }) => payoutId ?? [])),
    sealsChanged: {
      count: entries.count + audit.count,
      shown: [...entries.shown, ...audit.shown]
        .slice(0, SEALS_SHOWN_MAX)
        .map(({ chain, seal }) => `${chain}/${seal}`),
    },
  };
}

export type StretchVerdict = {
  readonly stretch: Stretch;
  /** Whether the tables make of these blocks what is stored of them. */
  readonly isSame: boolean;
  /** Whether each stored value follows from the one before it. */
  readonly isLinked: boolean;
};

/** What is stored of each stretch of the digest is read once. */
export async function judgeStretches(
  db: Queryable,
  partitionId: number,
  stretches: readonly Stretch[],
): Promise<StretchVerdict[]> {
  const verdicts: StretchVerdict[] = [];
  for (const stretch of stretches) verdicts.push(await judgeStretch(db, partitionId, stretch));
  return verdicts;
}

async function judgeStretch(
  db: Queryable,
  partitionId: number,
  stretch: Stretch,
): Promise<StretchVerdict> {
  const { above, upTo } = stretch;
  const stored = new Map<number, string>();
  let { digest } = await readDigest(db, partitionId, above);
  let isLinked = true;
  for await (const row of storedDigests(db, partitionId, upTo, above)) {
    stored.set(row.height, `${row.facts} ${row.sum}`);
    isLinked &&= row.digest === linkDigest(digest, row.height, row);
    digest = row.digest;
  }
  let isSame = true;
  for await (const sum of recompute(db, partitionId, { above, upTo })) {
    isSame = stored.get(sum.height) === `${sum.facts} ${sum.sum}`;
    if (!isSame) break;
    stored.delete(sum.height);
  }
  return { stretch, isSame: isSame && stored.size === 0, isLinked };
}

/** Heights that are asked for in one statement. */
const ASKED_AT_ONCE = 5_000;

/** Blocks of these heights of which the tables make something else than is stored, and what they make of them. */
export async function differingBlocks(
  db: Queryable,
  partitionId: number,
  heights: readonly number[],
): Promise<Map<number, FactsSum>> {
  const wanted = [...new Set(heights)];
  const differing = new Map<number, FactsSum>();
  for (let from = 0; from < wanted.length; from += ASKED_AT_ONCE) {
    const some = wanted.slice(from, from + ASKED_AT_ONCE);
    const stored = await storedSumsAt(db, partitionId, some);
    const tables = await recomputeAt(db, partitionId, some);
    for (const height of some) {
      const was = stored.get(height) ?? NO_FACTS;
      const is = tables.get(height) ?? NO_FACTS;
      if (was.facts !== is.facts || was.sum !== is.sum) differing.set(height, is);
    }
  }
  return differing;
}

/** More are looked at as one. */
const STRETCHES_MAX = 200;

/** Single blocks, as stretches. */
export function stretchesOf(heights: readonly number[]): Stretch[] {
  const sorted = [...new Set(heights)].sort((a, b) => a - b);
  const [lowest] = sorted;
  const highest = sorted.at(-1);
  if (lowest === undefined || highest === undefined) return [];
  if (sorted.length > STRETCHES_MAX) return [{ above: lowest - 1, upTo: highest }];
  return sorted.map((height) => ({ above: height - 1, upTo: height }));
}
