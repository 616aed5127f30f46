import { inTransaction, type Tx } from '../../database/transaction.js';
import { audit } from '../model/books-queries.js';
import { type Books, readBooks } from '../model/chain-queries.js';
import { type Doubt, type DoubtQuery, doubtsOf } from '../model/doubt-queries.js';
import { pauseFor } from '../tracking/adoption-queries.js';
import type { PayerDeps } from './payer-deps.js';
import { guard, type PayerTerm } from './term-queries.js';
import { unbalancedOf } from './unbalanced-queries.js';

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
 * Pauses payouts where one that would be signed may be paid already, isn't what was asked for, or takes what its user's
 * balance says and the ledger doesn't: another hand changed a row, or made it, and whoever is responsible must look
 * before anything more is paid.
 */
export async function pauseWhereInDoubt(
  { deps, term, books }: Looking,
  payoutIds: readonly string[],
  batchId: string | null,
): Promise<{ readonly why: 'paused'; readonly detail: string } | null> {
  const ofPayouts = await doubtsOf(deps.pool, payoutIds, queryFor(books, deps, batchId));
  const ofBalances = await unbalancedOf(deps.pool, payoutIds);
  const doubts = [
    ...ofPayouts,
    ...ofBalances.map((doubt) => ({ ...doubt, about: 'balance' as const })),
  ];
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

/**
 * Whether a payout is doubtful where what was signed for it is to be written down: that is forgotten, and the next look
 * pauses. What it was accepted on doesn't change any more, and isn't summed up again while others wait for locks.
 */
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

type Reason = Pick<Doubt, 'payoutId' | 'why'> & { readonly about: Doubt['about'] | 'balance' };

function reasonOf(doubts: readonly Reason[]): string {
  const shown = doubts.slice(0, SHOWN_MAX).map(({ payoutId, why }) => `payout ${payoutId}: ${why}`);
  const more = doubts.length - shown.length;
  const found = [...shown, ...(more > 0 ? [`${more} more like these`] : [])].join('; ');
  // The first that fits: what else there is often follows from it.
  const [, what] =
    WORDS.find(([wanted]) => doubts.some(({ about }) => about === wanted)) ?? WORDS[0];
  return `what was to be signed ${what}: ${found}. Nothing was signed; run \`teller balance verify\``;
}

const WORDS = [
  ['paid', 'may be paid already'],
  ['origin', "isn't what was asked for"],
  ['balance', "is of a user whose balance isn't what the ledger says"],
] as const satisfies readonly (readonly [Reason['about'], string])[];
