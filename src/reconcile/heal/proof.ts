import type { Pool } from 'pg';
import type { Queryable } from '../../database/transaction.js';
import { storedDigests } from '../../payments/digest/digest-queries.js';
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
        : new Set(payouts.shown.map(({ payoutId }) => payoutId)),
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
  for await (const row of storedDigests(db, partitionId, upTo)) {
    if (row.height > above) stored.set(row.height, `${row.facts} ${row.sum}`);
  }
  for await (const sum of recompute(db, partitionId, { above, upTo })) {
    if (stored.get(sum.height) !== `${sum.facts} ${sum.sum}`) return true;
    stored.delete(sum.height);
  }
  return stored.size > 0;
}
