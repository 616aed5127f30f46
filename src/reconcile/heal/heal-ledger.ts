import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import { withoutOwner } from '../compare/registration-queries.js';
import { balanceLedger, type LedgerHealing } from './balance-ledger.js';
import type { HealContext } from './context.js';
import { healStatuses } from './heal-statuses.js';
import type { LedgerPlan } from './ledger-plan.js';
import { restoreLost } from './lost-payments.js';
import type { Doubts } from './proof.js';
import { type Proof, provenAmong, toldAmong } from './proven-queries.js';
import { settleLost } from './settle-lost.js';

export type LedgerScope = {
  readonly plan: LedgerPlan;
  /** Healed a moment ago, in this transaction. */
  readonly healed: readonly OutputReference[];
  /** Payments whose rows can't be relied on: nothing is booked after them. */
  readonly except: ReadonlySet<OutputReference>;
  readonly proof: Proof;
  /** Of what was booked and has no row, what the chain was proven not to have. */
  readonly gone: ReadonlySet<OutputReference>;
  /** Whether everything was held against the chain: where something is left open, rows may come yet. */
  readonly isComplete: boolean;
  /** Whose balances are set only where corrections explain it: entries were changed after they were sealed. */
  readonly exceptUsers: Doubts['exceptUsers'];
  /** Payouts whose rows contradict their transactions; null: more than can be told one by one. */
  readonly exceptPayouts: ReadonlySet<string> | null;
};

export type LedgerHealed = LedgerHealing & {
  /** Payments whose status ledger and depth contradicted. */
  readonly statuses: number;
  /**
   * Payments that were booked and are neither in the books nor on the chain: put back as rolled back, or settled where
   * nothing ever told of them and their entries add up to nothing.
   */
  readonly lost: number;
  /** What was left as it is, in words. */
  readonly left: readonly string[];
};

/**
 * Brings statuses, ledger and balances to what rows make them that were held against the chain. Comes after
 * the rows, in the same transaction. Where row and ledger differ and nothing proves the row, nobody knows
 * which of the two was changed: both are left alone.
 */
export async function healLedger(
  tx: Tx,
  at: Date,
  context: HealContext,
  scope: LedgerScope,
): Promise<LedgerHealed> {
  const { plan, gone, healed, except, proof, isComplete, exceptUsers, exceptPayouts } = scope;
  const lost = isComplete ? plan.lost.filter((one) => gone.has(one) && !except.has(one)) : [];
  const { restored, unreadable } = await restoreLost(tx, at, context, lost);
  // Booked after such rows, money would go to whomever another hand wrote there.
  const disputed = await withoutOwner(tx, context.partitionId, [...plan.payments, ...healed]);
  const healedNow = new Set(healed.filter((one) => !disputed.has(one)));
  const suspects = plan.payments.filter(
    (one) => !except.has(one) && !healedNow.has(one) && !disputed.has(one),
  );
  const proven = [...(await provenAmong(tx, suspects, proof)), ...healedNow];
  const statuses = await healStatuses(tx, at, context, proven);
  const unclear = new Set(statuses.unclear);
  const payouts =
    exceptPayouts === null
      ? []
      : await toldAmong(
          tx,
          plan.payouts.filter((id) => !exceptPayouts.has(id)),
        );
  const { actor, cause } = context;
  const { doubtful, endless, ...balanced } = await balanceLedger(tx, at, {
    actor,
    cause,
    payments: [...new Set([...proven.filter((one) => !unclear.has(one)), ...lost])],
    payouts,
    balances: plan.balances,
    areEntriesSound: exceptUsers === 'nobody' && exceptPayouts !== null,
    disputedPayouts: [...(exceptPayouts ?? [])],
  });
  const known = new Set([...restored, ...unreadable]);
  const untold = lost.filter((one) => !known.has(one));
  const settledNow = await settleLost(tx, at, context, untold);
  const settled = new Set([...lost, ...healed]);
  const left = [
    said([...disputed].filter((one) => !except.has(one)).length, DISPUTED),
    said(unclear.size, 'payments count and nothing was ever booked or told of them'),
    said(
      suspects.length - (proven.length - healedNow.size),
      'payments and their ledger differ, and nothing proves the rows: run `teller rebuild --from origin`',
    ),
    said(
      plan.payouts.length - payouts.length,
      'payouts and their ledger differ, and nothing proves the rows: a person must look',
    ),
    said(
      plan.lost.filter((one) => !settled.has(one)).length,
      'payments were booked and have no rows, and nothing proves that the chain lacks them: run ' +
        '`teller rebuild --from origin`',
    ),
    said(unreadable.length, UNREADABLE),
    said(untold.length - settledNow.length, UNTOLD),
    said(doubtful, exceptUsers === 'nobody' ? CONTRADICTED : UNSEALED),
    said(endless, ENDLESS),
    plan.isPartial ? 'more differs than is healed at once: run it again' : null,
  ].filter((one) => one !== null);
  return {
    ...balanced,
    statuses: statuses.healed,
    lost: restored.length + settledNow.length,
    left,
  };
}

const DISPUTED =
  'payments and their ledger differ, and whose they are is not proven by their address and the audit ' +
  'log alike: a person must say which is right';

const UNREADABLE =
  'payments were booked, have no rows and are not on the chain, and the events that told of them were edited, so ' +
  'that no rows come of them: a person must set those events right';

const UNTOLD =
  'payments have entries and no rows, are not on the chain, and nothing told of them that rows could be made of: a ' +
  'person must look; `teller balance verify` names the entries';

const CONTRADICTED =
  "balances aren't the sum of their entries, and payouts of their users are contradicted by what else speaks of them: " +
  'a person must look; `teller balance verify` shows both';

const ENDLESS =
  'balances have entries whose amounts are no numbers, which no other entry makes good: a person must set them back to ' +
  'what a backup has; `teller balance verify` names them';

const UNSEALED =
  "balances aren't the sum of their entries, and entries were changed after they were sealed: a person must look; " +
  '`teller balance verify` shows them, `teller balance accept-seal` takes the entries as they are, and then a repair ' +
  'sets the balances to their sum';

/** One of them or many: the words stay the same. */
const said = (count: number, what: string): string | null =>
  count <= 0 ? null : `${count} ${count === 1 ? 'case' : 'cases'}: ${what}`;
