import { inTransaction, type Tx } from '../../database/transaction.js';
import { audit } from '../model/books-queries.js';
import { type Books, readBooks } from '../model/chain-queries.js';
import { type Doubt, type DoubtQuery, doubtsOf } from '../model/doubt-queries.js';
import { pauseFor } from '../tracking/adoption-queries.js';
import type { PayerDeps } from './payer-deps.js';
import { guard, type PayerTerm } from './term-queries.js';

type Looking = {
  readonly deps: PayerDeps;
  readonly term: PayerTerm;
  readonly books: Books;
};

const SHOWN_MAX = 5;

const queryFor = (
  books: Books,
  { confirmations, securityParameter }: PayerDeps,
  batchId: string | null,
): DoubtQuery => ({
  batchId,
  confirmedHeight: books.height - confirmations + 1,
  deepSlot: books.deepSlot,
  deepHeight: books.height - securityParameter,
});

/**
 * Pauses payouts where one that would be signed may be paid already, or isn't what was asked for: another hand
 * changed its row, or made it, and whoever is responsible must look before anything more is paid.
 */
export async function pauseWhereInDoubt(
  { deps, term, books }: Looking,
  payoutIds: readonly string[],
  batchId: string | null,
): Promise<{ readonly why: 'paused'; readonly detail: string } | null> {
  const doubts = await doubtsOf(deps.pool, payoutIds, queryFor(books, deps, batchId));
  if (doubts.length === 0) return null;
  const reason = reasonOf(doubts);
  await inTransaction(deps.pool, async (tx) => {
    const at = await guard(tx, term, await deps.readIdentity(tx));
    await pauseFor(tx, at, 'payer', reason);
    await audit(
      tx,
      at,
      doubts.map(({ payoutId, why }) => ({
        action: 'payout.paused',
        entityType: 'payout' as const,
        entityId: payoutId,
        actor: 'payer',
        details: { reason: why },
      })),
    );
  });
  return { why: 'paused', detail: `by payer: ${reason}` };
}

/** The same where what was signed is to be written down: it is forgotten, and the next look pauses. */
export async function areInDoubt(
  tx: Tx,
  deps: PayerDeps,
  payoutIds: readonly string[],
  batchId: string | null,
): Promise<boolean> {
  if (payoutIds.length === 0) return false;
  const books = await readBooks(tx, deps.partitionId, deps.securityParameter);
  if (books === null) return true;
  return (await doubtsOf(tx, payoutIds, queryFor(books, deps, batchId))).length > 0;
}

function reasonOf(doubts: readonly Doubt[]): string {
  const shown = doubts.slice(0, SHOWN_MAX).map(({ payoutId, why }) => `payout ${payoutId}: ${why}`);
  const more = doubts.length - shown.length;
  const found = [...shown, ...(more > 0 ? [`${more} more like these`] : [])].join('; ');
  const what = doubts.some(({ about }) => about === 'paid')
    ? 'may be paid already'
    : "isn't what was asked for";
  return `what was to be signed ${what}: ${found}. Nothing was signed; run \`teller balance verify\``;
}
