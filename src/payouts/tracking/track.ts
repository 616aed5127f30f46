import type { Entry } from '../../payments/ledger.js';
import type { Move } from '../model/books-queries.js';
import {
  entriesOfHold,
  entriesOfPayoutConfirmation,
  entriesOfPayoutRollback,
  entriesOfRelease,
} from '../model/entries.js';
import {
  MOVES,
  type Payout,
  type PayoutEvent,
  type PayoutStatus,
  payoutEvent,
} from '../model/payout.js';
import type { Inclusion, PaidBy } from './tracking-queries.js';

/** What a step of the chain does to payouts. Moves state what was believed; entries and events in order. */
export type PayoutEffects = {
  readonly moves: readonly Move[];
  readonly entries: readonly Entry[];
  readonly events: readonly PayoutEvent[];
  /** In a block although they had ended: somebody must hear of it. */
  readonly afterEnd: readonly Payout[];
  /** Paid by two transactions that are both in a block. Never happens; the loudest alarm there is. */
  readonly twice: readonly PaidBy[];
};

/** A transaction came into a block: all that it pays is paid, whatever was believed of it. */
export function payoutsIncluded(
  paid: readonly PaidBy[],
  where: ReadonlyMap<string, Inclusion>,
): PayoutEffects {
  const moves: Move[] = [];
  const entries: Entry[] = [];
  const afterEnd: Payout[] = [];
  const twice: PaidBy[] = [];
  const paidHere = new Set<string>();
  for (const one of paid) {
    const { payout, paidBy, feeShare } = one;
    const inclusion = where.get(paidBy);
    if (inclusion === undefined) throw new Error(`no block was given for ${paidBy}`);
    if (payout.status === 'in_block' || payout.status === 'confirmed') {
      if (payout.txHash !== paidBy) twice.push(one);
      continue;
    }
    // Two transactions of one commit: only who has the wallet's key can make them, and the chain goes on.
    if (paidHere.has(payout.id)) {
      twice.push(one);
      continue;
    }
    paidHere.add(payout.id);
    const ended = payout.status === 'failed' || payout.status === 'cancelled';
    const after: Payout = {
      ...payout,
      status: 'in_block',
      // What was told and released with the end is told and held anew under the next turn.
      turn: ended ? payout.turn + 1 : payout.turn,
      booked: payout.userId !== null,
      txHash: paidBy,
      feeLovelace: feeShare,
      blockHeight: inclusion.height,
      failureReason: null,
    };
    if (!payout.booked) entries.push(...entriesOfHold(after));
    if (ended) afterEnd.push(after);
    moves.push(move(payout, after));
  }
  return { moves, entries, events: [], afterEnd, twice };
}

/** Deep enough. The rows come in any order; they are told in that of their blocks. */
export function payoutsConfirmed(due: readonly Payout[], at: Date): PayoutEffects {
  const inOrder = [...due].sort(
    (a, b) => (a.blockHeight ?? 0) - (b.blockHeight ?? 0) || (a.id < b.id ? -1 : 1),
  );
  const moves = inOrder.map((payout) =>
    move(payout, { ...payout, status: 'confirmed', confirmedAt: at }),
  );
  return {
    moves,
    entries: moves.flatMap(({ after }) => entriesOfPayoutConfirmation(after)),
    events: moves.map(({ after }) => payoutEvent('payout.confirmed', after)),
    afterEnd: [],
    twice: [],
  };
}

/** Their block is gone: the same transaction is submitted again, and what was taken is held again. */
export function payoutsRolledBack(payouts: readonly Payout[]): PayoutEffects {
  const moves = payouts.map((payout) =>
    move(payout, {
      ...payout,
      status: 'submitted',
      turn: payout.turn + 1,
      blockHeight: null,
      confirmedAt: null,
    }),
  );
  return {
    moves,
    entries: payouts
      .filter((payout) => payout.status === 'confirmed')
      .flatMap(entriesOfPayoutRollback),
    events: moves.map(({ before, after }) =>
      payoutEvent('payout.rolled_back', { ...after, turn: before.turn }),
    ),
    afterEnd: [],
    twice: [],
  };
}

/**
 * What the chain paid under a payout's id isn't what the books say of it: a database forgot the payout
 * and took another under the same key. The chain's amount is what left the wallet.
 */
export function payoutAmended(
  payout: Payout,
  paid: Pick<Payout, 'destinationAddress' | 'amountLovelace' | 'assets'>,
): PayoutEffects {
  const after: Payout = { ...payout, ...paid, turn: payout.turn + 1 };
  const entries = payout.booked ? [...entriesOfRelease(payout), ...entriesOfHold(after)] : [];
  return { moves: [move(payout, after)], entries, events: [], afterEnd: [], twice: [] };
}

/** @throws where the table of moves lacks it: a mistake of this code, and nothing may be written */
function move(before: Payout, after: Payout): Move {
  const allowed: readonly PayoutStatus[] = MOVES[before.status];
  if (before.status !== after.status && !allowed.includes(after.status)) {
    throw new Error(`payout ${before.id} can't go from ${before.status} to ${after.status}`);
  }
  return { before, after };
}
