import type { Tx } from '../database/transaction.js';
import { expectBalanced, standingTwice } from './booked-queries.js';
import { appendDigests } from './digest/digest-queries.js';
import { factsByBlock } from './digest/fold.js';
import type { Effects } from './effects.js';
import { deltasOf } from './ledger.js';
import { post, writeEvents } from './ledger-queries.js';
import { markSpent, storeWalletOutputs } from './output-queries.js';
import { confirmPayments, storePayments } from './payment-queries.js';

/** A write touched fewer rows than it must: the books aren't what they were a moment ago. */
class BooksMoved extends Error {
  override readonly name = 'BooksMoved';
}

/**
 * Writes what a run of blocks changes, and folds what was really written into the digest. Answers the keys of
 * events that had been told before.
 */
export async function bookEffects(
  tx: Tx,
  partitionId: number,
  effects: Effects,
  at: Date,
): Promise<readonly string[]> {
  const { payments, walletOutputs, confirmedBefore } = effects;
  if (payments.length > 0) {
    const stored = await storePayments(tx, partitionId, payments);
    expectRows('store payments', stored, payments.length);
  }
  if (walletOutputs.length > 0) {
    const stored = await storeWalletOutputs(tx, partitionId, walletOutputs);
    if (stored !== walletOutputs.length) throw await standingTwice(tx, walletOutputs);
  }
  if (confirmedBefore.length > 0) {
    const confirmed = await confirmPayments(tx, at, confirmedBefore);
    expectRows('confirm payments', confirmed, confirmedBefore.length);
  }
  const spends = effects.spends.length > 0 ? await markSpent(tx, effects.spends) : [];
  await appendDigests(tx, partitionId, factsByBlock({ payments, walletOutputs, spends }));
  return tellEffects(tx, effects, at);
}

/**
 * Ledger entries, the balances that they move, and events. Answers which events had been told before.
 *
 * @throws BooksContradict where what they tell of seems to be booked in a balance already
 */
export async function tellEffects(
  tx: Tx,
  effects: Pick<Effects, 'entries' | 'events'>,
  at: Date,
): Promise<readonly string[]> {
  const { entries, events } = effects;
  if (entries.length > 0) await post(tx, at, entries, deltasOf(entries));
  const toldBefore = events.length > 0 ? await writeEvents(tx, at, events) : [];
  if (toldBefore.length > 0) await expectBalanced(tx, toldBefore, entries);
  return toldBefore;
}

export function expectRows(what: string, written: number, expected: number): void {
  if (written !== expected) {
    throw new BooksMoved(`${what}: ${written} rows were written where ${expected} were expected`);
  }
}
