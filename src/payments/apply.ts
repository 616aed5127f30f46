import type { Pool } from 'pg';
import type { Block } from '../chain/block.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import type { LinkedBlock } from '../sync/events.js';
import type { BlockHandlers } from '../sync/follower.js';
import type { DepositPolicy } from './confirmation.js';
import { type Effects, effectsOf, effectsOfRollback, type Owner } from './effects.js';
import { createFingerprintSet } from './fingerprint-set.js';
import { deltasOf } from './ledger.js';
import { auditReversals, post, writeEvents } from './ledger-queries.js';
import { type Hits, matchBlocks } from './match.js';
import { markSpent, storeWalletOutputs, undoAbove } from './output-queries.js';
import type { PaymentsSummary } from './payment.js';
import {
  confirmPayments,
  paymentsAbove,
  paymentsDue,
  recordedPayments,
  storePayments,
} from './payment-queries.js';
import { takeRegistrationLock } from './registration-lock.js';
import { backfillWallet, undoBackfillAbove } from './wallet-backfill.js';
import { addressesBetween, lastWatchId, ownersOf, recordedOutputs } from './watch-queries.js';

export type PaymentDeps = {
  readonly partitionId: number;
  readonly policy: DepositPolicy;
  readonly hotWallet: string | null;
};

/** Rows a page, when the watched set is read: some 20 MB at a time. */
const PAGE_ROWS = 50_000;

/** A write touched fewer rows than it must: the books aren't what they were a moment ago. */
class BooksMoved extends Error {
  override readonly name = 'BooksMoved';
}

/**
 * What a block means for payments. One instance serves one term: what it remembers is only ever a
 * superset of what the database holds, so a transaction that failed leaves nothing to take back.
 */
export function createPaymentHandlers(deps: PaymentDeps): BlockHandlers<PaymentsSummary> {
  const addresses = createFingerprintSet();
  const outputs = createFingerprintSet();
  let watchedUpTo = 0n;
  if (deps.hotWallet !== null) addresses.add(deps.hotWallet);

  /** Needs the registration lock, held: see there. */
  const learnNewAddresses = async (tx: Tx): Promise<void> => {
    const last = await lastWatchId(tx);
    if (last > watchedUpTo) await learnAddresses(tx, last);
  };
  const learnAddresses = async (db: Tx | Pool, upTo: bigint): Promise<void> => {
    for (;;) {
      const page = await addressesBetween(db, deps.partitionId, watchedUpTo, upTo, PAGE_ROWS);
      for (const { address } of page) addresses.add(address);
      watchedUpTo = page.length < PAGE_ROWS ? upTo : (page.at(-1)?.watchId ?? upTo);
      if (watchedUpTo === upTo) return;
    }
  };

  return {
    async prepare(pool, signal) {
      const upTo = await inTransaction(pool, async (tx) => {
        await takeRegistrationLock(tx, deps.partitionId);
        return lastWatchId(tx);
      });
      await learnAddresses(pool, upTo);
      for await (const page of recordedOutputs(pool, deps.partitionId, PAGE_ROWS)) {
        for (const { txHash, index } of page) outputs.add(`${txHash}#${index}`);
        signal?.throwIfAborted();
      }
    },

    async forward(tx, blocks, at) {
      await takeRegistrationLock(tx, deps.partitionId);
      await learnNewAddresses(tx);
      const hits = matchBlocks(blocks, {
        mayBeWatched: addresses.mayHave,
        mayBeRecorded: outputs.mayHave,
      });
      const effects = await plan(tx, deps, blocks, hits, at);
      await write(tx, deps, effects, at);
      for (const { txHash, output } of hits.outputs) outputs.add(`${txHash}#${output.index}`);
      return effects.summary;
    },

    async backward(tx, height, at) {
      const payments = await paymentsAbove(tx, deps.partitionId, height);
      const effects = effectsOfRollback(payments, Math.max(0, height));
      const marked = await undoAbove(tx, deps.partitionId, height);
      await undoBackfillAbove(tx, deps.partitionId, height);
      expectRows('roll back payments', marked, payments.length);
      await tell(tx, effects, at);
      const reversed = payments.filter((payment) => payment.status === 'confirmed');
      if (reversed.length > 0) await auditReversals(tx, at, reversed);
      return effects.summary;
    },

    between: (books) => backfillWallet({ ...deps, learn: outputs.add }, books),

    learn: (references) => {
      for (const reference of references) outputs.add(reference);
    },
  };
}

async function plan(
  tx: Tx,
  deps: PaymentDeps,
  blocks: readonly LinkedBlock<Block>[],
  hits: Hits,
  at: Date,
): Promise<Effects> {
  const seen = [...new Set(hits.outputs.map((hit) => hit.output.address))];
  const owners = seen.length === 0 ? new Map<string, Owner>() : await ownersOf(tx, seen);
  const recorded = owners.size === 0 ? new Map() : await recordedPayments(tx, hits.outputs);
  const due = await paymentsDue(tx, deps.partitionId, blocks.at(-1)?.block.height ?? 0);
  return effectsOf(
    blocks,
    hits,
    { owners, hotWallet: deps.hotWallet, recorded, due },
    deps.policy,
    at,
  );
}

async function write(tx: Tx, deps: PaymentDeps, effects: Effects, at: Date): Promise<void> {
  const { payments, walletOutputs, confirmedBefore, spends } = effects;
  if (payments.length > 0) {
    expectRows(
      'store payments',
      await storePayments(tx, deps.partitionId, payments),
      payments.length,
    );
  }
  if (walletOutputs.length > 0) {
    expectRows(
      'store outputs of the hot wallet',
      await storeWalletOutputs(tx, deps.partitionId, walletOutputs),
      walletOutputs.length,
    );
  }
  if (confirmedBefore.length > 0) {
    const confirmed = await confirmPayments(tx, at, confirmedBefore);
    expectRows('confirm payments', confirmed, confirmedBefore.length);
  }
  if (spends.length > 0) await markSpent(tx, spends);
  await tell(tx, effects, at);
}

async function tell(tx: Tx, effects: Pick<Effects, 'entries' | 'events'>, at: Date): Promise<void> {
  if (effects.entries.length > 0) await post(tx, at, effects.entries, deltasOf(effects.entries));
  if (effects.events.length > 0) await writeEvents(tx, at, effects.events);
}

function expectRows(what: string, written: number, expected: number): void {
  if (written !== expected) {
    throw new BooksMoved(`${what}: ${written} rows were written where ${expected} were expected`);
  }
}
