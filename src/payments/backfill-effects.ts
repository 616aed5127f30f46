import type { OutputReference } from '../chain/block.js';
import { outputReference } from '../chain/block.js';
import type { UnspentOutput } from '../chain/utxo.js';
import type { DepositPolicy } from './confirmation.js';
import { inclusionOf, isTooSmall, termsOf } from './detection.js';
import { createRun, type Effects, type Owner, type PlacedPayment, referenceOf } from './effects.js';
import type { Payment } from './payment.js';

/** Whose an address is, and whether what it held before it was watched is to be credited. */
export type BackfillOwner = { readonly owner: Owner; readonly isWanted: boolean };

export type BackfillBooks = {
  readonly owners: ReadonlyMap<string, BackfillOwner>;
  /** Rows of what was found, by reference. */
  readonly recorded: ReadonlyMap<OutputReference, Payment>;
  /** Of the ledger that told of it. */
  readonly height: number;
  readonly confirmationsHeld: boolean;
};

/**
 * What addresses held before they were watched. It counts from where the ledger told of it; where it was
 * in a block nobody knows. What is recorded and live stays as it is.
 *
 * @param found outputs that are unspent at that height
 */
export function effectsOfBackfill(
  found: readonly UnspentOutput[],
  books: BackfillBooks,
  policy: DepositPolicy,
  at: Date,
): Pick<Effects, 'payments' | 'entries' | 'events' | 'summary'> {
  const deposits = found.flatMap(({ txHash, output }) => {
    const known = books.owners.get(output.address);
    const earlier = books.recorded.get(outputReference(txHash, output.index));
    if (known === undefined || (earlier !== undefined && earlier.status !== 'rolled_back'))
      return [];
    const ignored = !known.isWanted || isTooSmall(output, policy);
    return [{ txHash, output, owner: known.owner, ignored, earlier }];
  });
  const terms = termsOf(deposits, policy);
  const payments = deposits.flatMap(
    ({ txHash, output, owner, earlier }, index): PlacedPayment[] => {
      const own = terms[index];
      if (own === undefined) return [];
      return [
        {
          ...owner,
          ...inclusionOf(txHash, output, earlier, at),
          ...own,
          txPosition: 0,
          blockHash: null,
          blockHeight: null,
          slot: null,
          countedFrom: books.height,
        },
      ];
    },
  );
  const run = createRun(books.height, books.confirmationsHeld);
  for (const payment of payments) run.enlist(payment);
  for (const payment of payments) run.tellDetected(referenceOf(payment), books.height);
  run.confirmDue(books.height, at);
  const { detected, confirmed, entries, events } = run;
  return {
    payments: run.rows(),
    entries,
    events,
    summary: { detected, confirmed, rolledBack: [] },
  };
}
