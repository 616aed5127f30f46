import { type OutputReference, outputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import { storedSumsAt } from '../../payments/digest/digest-queries.js';
import { recomputeAt } from '../../payments/digest/recompute.js';
import type { Suspect } from '../compare/judge-outputs.js';
import type { Recorded } from '../compare/recorded-queries.js';
import { pagesAt } from './address-pages.js';
import { isCounted, storeTaken } from './compare-digest.js';
import { bookedAmong } from './compare-statuses.js';
import type { Work } from './run-work.js';

/**
 * Of spent outputs no ledger tells. The digest does of the blocks that rows at some addresses say they are of; what it
 * contradicts is looked for in these blocks, and so is what names no block although it should.
 */
export async function compareDigestAt(work: Work, addresses: readonly string[]): Promise<void> {
  for await (const { rows } of pagesAt(work, addresses)) {
    const counted = rows.filter((row) => isCounted(work, row));
    const { differing, booked } = await work.read(async (tx) => ({
      differing: await differingAmong(tx, work.partitionId, counted.flatMap(heightsOf)),
      booked: await bookedThoughGone(tx, work, counted),
    }));
    const suspects = counted.filter(
      (row) =>
        heightsOf(row).some((height) => differing.has(height)) ||
        row.spent?.height === null ||
        booked.has(row.reference),
    );
    if (suspects.length > 0) await storeTaken(work, suspects.map(asSuspect));
  }
}

const asSuspect = (recorded: Recorded): Suspect => {
  const { reference, address } = recorded;
  return { doubt: 'placement', reference, address, recorded, onChain: null };
};

const heightsOf = ({ placement, countedFrom, spent }: Recorded): number[] =>
  [placement?.height, countedFrom, spent?.height].flatMap((height) => height ?? []);

/** Heights at which the digest isn't what the tables make of it. */
async function differingAmong(
  db: Queryable,
  partitionId: number,
  named: readonly number[],
): Promise<ReadonlySet<number>> {
  const heights = [...new Set(named)];
  const stored = await storedSumsAt(db, partitionId, heights);
  const live = await recomputeAt(db, partitionId, heights);
  return new Set(
    heights.filter((height) => {
      const [known, made] = [stored.get(height), live.get(height)];
      return known?.facts !== made?.facts || known?.sum !== made?.sum;
    }),
  );
}

/** Rolled back by its row, and no reversal took back what was booked for it. */
async function bookedThoughGone(
  db: Queryable,
  work: Work,
  rows: readonly Recorded[],
): Promise<ReadonlySet<OutputReference>> {
  const gone = rows.flatMap(({ status, reference }) =>
    status === 'rolled_back' ? [reference] : [],
  );
  if (gone.length === 0) return new Set();
  const booked = await bookedAmong(db, work, gone);
  return new Set(booked.map((row) => outputReference(row.tx_hash, row.output_index)));
}
