import { inTransaction } from '../../database/transaction.js';
import { writeEvents } from '../../payments/ledger-queries.js';
import { type Payout, payoutEvent } from '../model/payout.js';
import type { UnsignedTransaction } from '../transaction/transaction.js';
import {
  areStillThere,
  beginSubmission,
  markSubmitted,
  openBatch,
  recordAnswer,
  reserve,
  storeSigned,
} from './attempt-queries.js';
import { areInDoubt } from './doubts.js';
import type { PayerDeps } from './payer-deps.js';
import { guard, guardFence, lockBooks, maySubmit, type PayerTerm } from './term-queries.js';

/** Between plan and signature a block, another batch or a person came first: plan again. */
export class PlanOutdated extends Error {
  override readonly name = 'PlanOutdated';
}

const UNIQUE_VIOLATION = '23505';

/**
 * Writes down what was signed, in one transaction with all that follows from it, before any node sees
 * it. Nothing that isn't written down is ever submitted, so a signature that this forgets is no payment.
 *
 * @param batchId null for a new batch @throws PlanOutdated, NotNow
 */
export async function commitAttempt(
  deps: PayerDeps,
  term: PayerTerm,
  kind: 'payout' | 'tidy',
  batchId: string | null,
  unsigned: UnsignedTransaction,
  cbor: Uint8Array,
): Promise<void> {
  const references = unsigned.inputs.map((input) => input.reference);
  const payouts = await inTransaction(deps.pool, async (tx) => {
    await lockBooks(tx, deps.partitionId);
    const at = await guard(tx, term, await deps.readIdentity(tx));
    const wanted = unsigned.payees.map((payee) => payee.payoutId);
    if (await areInDoubt(tx, deps, wanted, batchId)) {
      throw new PlanOutdated("a payout may be paid already, or isn't what was asked for");
    }
    if (!(await areStillThere(tx, references))) throw new PlanOutdated('an input is gone');
    const id = batchId ?? (await openBatch(tx, at, kind, unsigned.anchor, null));
    if (!(await reserve(tx, id, references))) throw new PlanOutdated('an input is reserved');
    if (!(await storeSigned(tx, at, id, unsigned, cbor))) {
      throw new PlanOutdated('this very transaction was signed before');
    }
    const marked = await markSubmitted(tx, at, id, unsigned.id, wanted);
    if (marked.length !== wanted.length) throw new PlanOutdated('a payout is no longer queued');
    if (!arePaidAsTheyStand(unsigned, marked)) throw new PlanOutdated('a payout was changed');
    const events = marked.map((payout) => payoutEvent('payout.submitted', payout));
    if (events.length > 0) await writeEvents(tx, at, events);
    return marked;
  }).catch((error: unknown) => {
    throw isAnchorTaken(error) ? new PlanOutdated('an anchor is taken') : error;
  });
  deps.observe({ type: 'payouts_submitted', txHash: unsigned.id, payouts, fee: unsigned.fee });
}

/** What was looked at is the row as it is now: it may have been another one when the plan was made. */
function arePaidAsTheyStand({ payees }: UnsignedTransaction, payouts: readonly Payout[]): boolean {
  const standing = new Map(payouts.map((payout) => [payout.id, payout]));
  return payees.every(({ payoutId, address, lovelace, assets }) => {
    const payout = standing.get(payoutId);
    return (
      payout?.destinationAddress === address &&
      payout.amountLovelace === lovelace &&
      payout.assets.size === assets.size &&
      [...assets].every(([unit, quantity]) => payout.assets.get(unit) === quantity)
    );
  });
}

/** Any other violation is a mistake of this code, and must be heard of. */
const isAnchorTaken = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  error.code === UNIQUE_VIOLATION &&
  'constraint' in error &&
  error.constraint === 'payout_batches_anchor';

/**
 * Submits what was committed, once. Whatever the answer is, only the chain decides what became of it.
 *
 * @throws NotNow where payouts were paused or held, or another instance pays
 */
export async function submitAttempt(
  deps: PayerDeps,
  term: PayerTerm,
  kind: 'payout' | 'fence',
  txHash: string,
  signal: AbortSignal,
): Promise<void> {
  const cbor = await inTransaction(deps.pool, async (tx) => {
    const identity = await deps.readIdentity(tx);
    const at = await (kind === 'fence' ? guardFence : guard)(tx, term, identity);
    return beginSubmission(tx, at, txHash, deps.resubmitMs);
  });
  if (cbor === null) return;
  const began = deps.now().getTime();
  const mayGoOn = () => maySubmit(deps.pool, term);
  const outcome = await deps.node.submit(cbor, txHash, signal, mayGoOn);
  const durationMs = deps.now().getTime() - began;
  const answer = 'reason' in outcome ? `${outcome.type}: ${outcome.reason}` : outcome.type;
  const refused = outcome.type === 'refused' ? outcome.reason : null;
  await recordAnswer(deps.pool, txHash, answer, refused);
  deps.observe({ type: 'submission_answered', txHash, outcome, durationMs });
}
