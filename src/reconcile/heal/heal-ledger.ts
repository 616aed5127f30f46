import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import { balanceLedger, type LedgerHealing } from './balance-ledger.js';
import type { HealContext } from './context.js';
import { healPayments } from './heal-payments.js';
import { healStatuses } from './heal-statuses.js';
import { restoreLost } from './lost-payments.js';

export type LedgerScope = {
  /** Only what concerns these users; null: everybody. */
  readonly users: readonly string[] | null;
  /** Payments whose rows can't be relied on: nothing is booked after them. */
  readonly except: readonly OutputReference[];
};

export type LedgerHealed = LedgerHealing & {
  /** Payments whose status ledger and depth contradicted. */
  readonly statuses: number;
  /** Payments that were booked and are neither in the books nor on the chain: put back as rolled back. */
  readonly lost: number;
  /** Payments of which nothing was ever booked or told although they count: a person must look. */
  readonly unclear: readonly OutputReference[];
};

/**
 * Brings statuses, ledger and balances to what the healed rows make them. Comes after the rows, in the
 * same transaction.
 */
export async function healLedger(
  tx: Tx,
  at: Date,
  context: HealContext,
  { users, except }: LedgerScope,
): Promise<LedgerHealed> {
  const lost = users === null ? await restoreLost(tx, context.partitionId) : [];
  await healPayments(
    tx,
    at,
    context,
    lost.map((reference) => ({ reference, kind: 'payment', isRecorded: true, onChain: null })),
  );
  const { healed, unclear } = await healStatuses(tx, at, context, users, new Set(except));
  const { actor, cause } = context;
  const unreliable = [...except, ...unclear];
  const balanced = await balanceLedger(tx, at, { actor, cause, users, except: unreliable });
  return { ...balanced, statuses: healed, lost: lost.length, unclear };
}
