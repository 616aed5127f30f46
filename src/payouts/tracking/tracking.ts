import type { Block } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import { expectBalanced } from '../../payments/booked-queries.js';
import { writeEvents } from '../../payments/ledger-queries.js';
import type { PaymentsSummary } from '../../payments/payment.js';
import type { LinkedBlock } from '../../sync/events.js';
import type { BlockHandlers } from '../../sync/follower.js';
import { type AuditEntry, audit, movePayouts, postEntries } from '../model/books-queries.js';
import type { Payout } from '../model/payout.js';
import { type Adoption, adopt } from './adoption.js';
import { lockControl, pauseFor } from './adoption-queries.js';
import {
  type PayoutEffects,
  payoutsConfirmed,
  payoutsIncluded,
  payoutsRolledBack,
} from './track.js';
import {
  excludeTransactionsAbove,
  freeUnspent,
  hasPaidOut,
  type Inclusion,
  includeTransactions,
  knownTransactions,
  payoutsAbove,
  payoutsDue,
  payoutsPaidBy,
  payoutsStillPaid,
  rebind,
  walletSpends,
} from './tracking-queries.js';

/** What one commit did to payouts: for logs and metrics, told after the commit. */
export type PayoutsSummary = {
  readonly inBlock: readonly Payout[];
  readonly confirmed: readonly Payout[];
  readonly rolledBack: readonly Payout[];
  readonly adoptions: readonly Adoption[];
  /** Keys of events that were to be told and had been, by another hand. */
  readonly toldBefore?: readonly string[];
};

/** What one commit did to the books. */
export type BooksSummary = PaymentsSummary & { readonly payouts: PayoutsSummary };

export type TrackingDeps = {
  readonly partitionId: number;
  /** Depth at which a payout is confirmed. */
  readonly confirmations: number;
};

/** A write touched fewer rows than it must. */
class PayoutsMoved extends Error {
  override readonly name = 'PayoutsMoved';
}

/**
 * Where payouts are on the chain, in the transaction of the block that says so. It is read from what the
 * block did to the wallet's outputs: a payout transaction is in a block when it spent its inputs.
 */
export function withPayouts(
  payments: BlockHandlers<PaymentsSummary>,
  deps: TrackingDeps,
): BlockHandlers<BooksSummary> {
  return {
    ...payments,
    async forward(tx, blocks, at) {
      const summary = await payments.forward(tx, blocks, at);
      return { ...summary, payouts: await trackForward(tx, deps, blocks, at) };
    },
    async backward(tx, height, at, undone) {
      const summary = await payments.backward(tx, height, at, undone);
      return { ...summary, payouts: await trackBackward(tx, height, at) };
    },
  };
}

async function trackForward(
  tx: Tx,
  deps: TrackingDeps,
  blocks: readonly LinkedBlock<Block>[],
  at: Date,
): Promise<PayoutsSummary> {
  const first = blocks[0]?.block.height ?? 0;
  const last = blocks.at(-1)?.block.height ?? first;
  const spenders = await walletSpends(tx, deps.partitionId, first, last);
  const found = spenders.length === 0 ? NOTHING : await includeSpenders(tx, blocks, spenders, at);
  const due = await payoutsDue(tx, last - deps.confirmations + 1);
  const confirmed = payoutsConfirmed(due, at);
  const toldBefore = await write(tx, at, confirmed);
  if (due.length > 0) await freeUnspent(tx, [...new Set(due.flatMap((one) => one.txHash ?? []))]);
  return {
    inBlock: found.effects.moves.map((move) => move.after),
    confirmed: confirmed.moves.map((move) => move.after),
    rolledBack: [],
    adoptions: found.adoptions,
    toldBefore,
  };
}

type Found = { readonly effects: PayoutEffects; readonly adoptions: readonly Adoption[] };
const NO_EFFECTS: PayoutEffects = { moves: [], entries: [], events: [], afterEnd: [], twice: [] };
const NOTHING: Found = { effects: NO_EFFECTS, adoptions: [] };

async function includeSpenders(
  tx: Tx,
  blocks: readonly LinkedBlock<Block>[],
  spenders: readonly string[],
  at: Date,
): Promise<Found> {
  // Before the rows of payouts, as whoever pays does: or the two would wait for each other.
  await lockControl(tx);
  const known = await knownTransactions(tx, spenders);
  const adoptions = await adoptUnknown(tx, at, blocks, new Set(spenders), known);
  const adopted = adoptions.filter((one) => one.type === 'adopted').map((one) => one.txHash);
  const ours = new Set([...known, ...adopted]);
  if (ours.size === 0) return { effects: NO_EFFECTS, adoptions };
  return { effects: await include(tx, at, inclusionsOf(blocks, ours)), adoptions };
}

/**
 * Transactions that were signed here are in blocks that were followed: their payouts are in these.
 *
 * @param included by transaction
 */
export async function include(
  tx: Tx,
  at: Date,
  included: ReadonlyMap<string, Inclusion>,
): Promise<PayoutEffects> {
  await includeTransactions(tx, [...included.values()]);
  const effects = payoutsIncluded(await payoutsPaidBy(tx, [...included.keys()]), included);
  await write(tx, at, effects);
  await sayWhatMustNotBe(tx, at, effects);
  return effects;
}

async function adoptUnknown(
  tx: Tx,
  at: Date,
  blocks: readonly LinkedBlock<Block>[],
  spenders: ReadonlySet<string>,
  known: ReadonlySet<string>,
): Promise<Adoption[]> {
  if (spenders.size === known.size) return [];
  const adoptions: Adoption[] = [];
  const paidOut = await hasPaidOut(tx);
  for (const block of blocks) {
    for (const transaction of block.block.transactions) {
      if (!spenders.has(transaction.id) || known.has(transaction.id)) continue;
      const adoption = await adopt(tx, at, block, transaction, paidOut);
      if (adoption !== null) adoptions.push(adoption);
    }
  }
  return adoptions;
}

function inclusionsOf(
  blocks: readonly LinkedBlock<Block>[],
  hashes: ReadonlySet<string>,
): Map<string, Inclusion> {
  const found = new Map<string, Inclusion>();
  for (const { block, slot } of blocks) {
    for (const { id } of block.transactions) {
      if (!hashes.has(id)) continue;
      found.set(id, { txHash: id, blockHash: block.id, height: block.height, slot });
    }
  }
  return found;
}

async function trackBackward(tx: Tx, height: number, at: Date): Promise<PayoutsSummary> {
  const effects = payoutsRolledBack(await payoutsAbove(tx, height));
  await excludeTransactionsAbove(tx, height, at);
  const toldBefore = await write(tx, at, effects);
  const ids = effects.moves.map((move) => move.after.id);
  if (ids.length > 0) {
    const { paid, where } = await payoutsStillPaid(tx, ids);
    await write(tx, at, payoutsIncluded(paid, where));
    await rebind(tx, ids);
  }
  const rolledBack = effects.moves.map((move) => move.after);
  return { inBlock: [], confirmed: [], rolledBack, adoptions: [], toldBefore };
}

/** Answers the keys of events that had been told before. */
async function write(
  tx: Tx,
  at: Date,
  { moves, entries, events }: PayoutEffects,
): Promise<readonly string[]> {
  if (moves.length === 0) return [];
  const moved = await movePayouts(tx, at, moves);
  if (moved !== moves.length) {
    throw new PayoutsMoved(`${moved} payouts were moved where ${moves.length} were expected`);
  }
  await postEntries(tx, at, entries);
  const toldBefore = events.length > 0 ? await writeEvents(tx, at, events) : [];
  if (toldBefore.length > 0) await expectBalanced(tx, toldBefore, entries);
  return toldBefore;
}

/** Both can only follow from a mistake or a foreign hand: whoever is responsible must look before more is paid. */
async function sayWhatMustNotBe(
  tx: Tx,
  at: Date,
  { afterEnd, twice }: PayoutEffects,
): Promise<void> {
  const entries: AuditEntry[] = [
    ...afterEnd.map((payout) => ({
      action: 'payout.paid_after_end',
      entityType: 'payout' as const,
      entityId: payout.id,
      actor: 'chain',
      details: { txHash: payout.txHash },
    })),
    ...twice.map(({ payout, paidBy }) => ({
      action: 'payout.paid_twice',
      entityType: 'payout' as const,
      entityId: payout.id,
      actor: 'chain',
      details: { txHash: payout.txHash, alsoBy: paidBy },
    })),
  ];
  if (entries.length === 0) return;
  const ids = entries.map((entry) => entry.entityId).join(', ');
  await pauseFor(tx, at, 'chain', `paid twice, or after they had ended: ${ids}`);
  await audit(tx, at, entries);
}
