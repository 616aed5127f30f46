import type { Pool } from 'pg';
import type { Queryable } from '../../database/transaction.js';
import { readDigest, storedDigests } from '../../payments/digest/digest-queries.js';
import { linkDigest } from '../../payments/digest/facts.js';
import { recompute } from '../../payments/digest/recompute.js';
import { changedRows } from '../seals/check-queries.js';
import { checkPayouts } from '../verify/payout-check-queries.js';
import { type Stretch, usersOfChangedSeals } from './proven-queries.js';

const SEALS_MAX = 2_000_000_000;
const SHOWN_MAX = 10_000;

/** What nothing may be booked after, looked at beside the chain. */
export type Doubts = {
  readonly exceptUsers: ReadonlySet<string>;
  readonly exceptPayouts: ReadonlySet<string> | null;
  /** Sealed stretches of the ledger that were changed. */
  readonly changedSeals: number;
};

export async function readDoubts(pool: Pool): Promise<Doubts> {
  const changed = await changedRows(pool, 'ledger', [0, SEALS_MAX], SHOWN_MAX);
  const payouts = await checkPayouts(pool, SHOWN_MAX);
  return {
    changedSeals: changed.count,
    exceptUsers: await usersOfChangedSeals(pool, changed.shown),
    exceptPayouts:
      payouts.count > payouts.shown.length
        ? null
        : new Set(payouts.shown.flatMap(({ payoutId }) => payoutId ?? [])),
  };
}

/** Of stretches in which tables and digest differed, those in which they still do. */
export async function stillDiffering(
  db: Queryable,
  partitionId: number,
  stretches: readonly Stretch[],
): Promise<Stretch[]> {
  const found: Stretch[] = [];
  for (const stretch of stretches) {
    if (await differs(db, partitionId, stretch)) found.push(stretch);
  }
  return found;
}

async function differs(db: Queryable, partitionId: number, { above, upTo }: Stretch) {
  const stored = new Map<number, string>();
  for await (const { height, facts, sum } of storedDigests(db, partitionId, upTo, above)) {
    stored.set(height, `${facts} ${sum}`);
  }
  for await (const sum of recompute(db, partitionId, { above, upTo })) {
    if (stored.get(sum.height) !== `${sum.facts} ${sum.sum}`) return true;
    stored.delete(sum.height);
  }
  return stored.size > 0;
}

/** Of stretches of the stored digest those in which a value doesn't follow from the one before it. */
export async function unlinkedAmong(
  db: Queryable,
  partitionId: number,
  stretches: readonly Stretch[],
): Promise<Stretch[]> {
  const found: Stretch[] = [];
  for (const stretch of stretches) {
    if (!(await isLinked(db, partitionId, stretch))) found.push(stretch);
  }
  return found;
}

async function isLinked(db: Queryable, partitionId: number, { above, upTo }: Stretch) {
  let { digest } = await readDigest(db, partitionId, above);
  for await (const row of storedDigests(db, partitionId, upTo, above)) {
    if (row.digest !== linkDigest(digest, row.height, row)) return false;
    digest = row.digest;
  }
  return true;
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
