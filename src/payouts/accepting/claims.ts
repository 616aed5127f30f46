import type { Tx } from '../../database/transaction.js';
import type { Entry } from '../../payments/ledger.js';
import { showAssets } from '../../payments/payment.js';
import { entriesOfHold, entriesOfPayoutConfirmation } from '../model/entries.js';
import { actorOf } from '../model/identity.js';
import type { Payout } from '../model/payout.js';
import type { PayoutPolicy } from '../model/policy.js';
import { type Asked, lockUnclaimed, readStored, type StoredPayout } from './acceptance-queries.js';
import { estimatedFee } from './limits.js';
import type { PayoutRequest } from './request.js';

/** What a request is answered that asks for what there is already. */
export type Answer =
  | { readonly type: 'exists'; readonly payout: Payout }
  /** The Idempotency-Key was used for something else. */
  | { readonly type: 'conflict'; readonly detail: string };

type Answered = {
  readonly answers: ReadonlyMap<string, Answer>;
  /** Adopted payouts that are charged from now on. */
  readonly claims: readonly Asked[];
};

/** Answers repeated requests; locks the adopted payouts among them that are to be charged. */
export async function answerStored(
  tx: Tx,
  requests: readonly PayoutRequest[],
  stored: ReadonlyMap<string, StoredPayout>,
  policy: PayoutPolicy,
): Promise<Answered> {
  const unclaimed = [...stored].filter(([, { bodyHash }]) => bodyHash === null).map(([id]) => id);
  const locked = unclaimed.length === 0 ? [] : await lockUnclaimed(tx, unclaimed);
  const free = new Map(locked.map((payout) => [payout.id, payout]));
  // What somebody else claimed while this one waited for it has its body's hash by now.
  const claimed = unclaimed.filter((id) => !free.has(id));
  const again = await readStored(
    tx,
    requests.filter(({ id }) => claimed.includes(id)),
  );
  const claims: Asked[] = [];
  const answers = new Map<string, Answer>();
  for (const request of requests) {
    const found = again.get(request.id) ?? stored.get(request.id);
    if (found === undefined) continue;
    const payout = free.get(request.id);
    const isSame =
      payout === undefined ? found.bodyHash === request.bodyHash : paysTheSame(payout, request);
    if (!isSame) {
      answers.set(request.id, { type: 'conflict', detail: CONFLICT });
    } else if (payout === undefined) {
      answers.set(request.id, { type: 'exists', payout: found.payout });
    } else {
      const claim = { request, payout: claimedPayout(payout, request, policy) };
      claims.push(claim);
      answers.set(request.id, { type: 'exists', payout: claim.payout });
    }
  }
  return { answers, claims };
}

const CONFLICT = 'this Idempotency-Key was used with another body; a new payout needs a new key';

const paysTheSame = (payout: Payout, request: PayoutRequest): boolean =>
  payout.destinationAddress === request.destinationAddress &&
  payout.amountLovelace === request.amountLovelace &&
  JSON.stringify(showAssets(payout.assets)) === JSON.stringify(showAssets(request.assets));

/** The chain told that it was paid; whom it is charged to, only the request can tell. */
function claimedPayout(payout: Payout, request: PayoutRequest, { fees }: PayoutPolicy): Payout {
  const ended = payout.status === 'failed' || payout.status === 'cancelled';
  return {
    ...payout,
    userId: request.userId,
    referenceId: request.referenceId,
    metadata: request.metadata === null ? null : (JSON.parse(request.metadata) as unknown),
    // A fee that nobody knows any more is nothing to charge.
    heldFee: payout.feeLovelace === null ? 0n : estimatedFee(request, fees),
    booked: request.userId !== null && !ended,
    createdBy: actorOf(request.caller),
  };
}

/** All that would be in the ledger, had the books known the payout's user from the beginning. */
export function entriesOfClaim(payout: Payout): Entry[] {
  if (!payout.booked) return [];
  return payout.status === 'confirmed'
    ? [...entriesOfHold(payout), ...entriesOfPayoutConfirmation(payout)]
    : entriesOfHold(payout);
}
