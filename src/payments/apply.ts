import type { Pool } from 'pg';
import type { Block } from '../chain/block.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import type { BetweenOutcome } from '../sync/between.js';
import type { LinkedBlock } from '../sync/events.js';
import type { BlockHandlers } from '../sync/follower.js';
import { createAddressBackfill } from './address-backfill.js';
import { unwatchAbove } from './address-backfill-queries.js';
import { bookEffects, expectRows, tellEffects } from './book-effects.js';
import type { DepositPolicy } from './confirmation.js';
import { refuseWrongCursor } from './cursor/refuse-wrong-cursor.js';
import { deleteDigestsAbove } from './digest/digest-queries.js';
import { createDigestUpgrade } from './digest/upgrade.js';
import { type Effects, effectsOf, effectsOfRollback, type Owner } from './effects.js';
import { createFingerprintSet } from './fingerprint-set.js';
import { auditReversals } from './ledger-queries.js';
import { type Hits, matchBlocks } from './match.js';
import { undoAbove } from './output-queries.js';
import type { PaymentsSummary } from './payment.js';
import {
  confirmationsHeld,
  paymentsAbove,
  paymentsDue,
  recordedPayments,
  rolledBackAmong,
} from './payment-queries.js';
import { takeRegistrationLock } from './registration-lock.js';
import { createWalletBackfill } from './wallet-backfill.js';
import { forgetBackfillsAbove, forgetOtherWallets } from './wallet-backfill-queries.js';
import { addressesBetween, lastWatchId, ownersOf, recordedOutputs } from './watch-queries.js';

export type PaymentDeps = {
  readonly partitionId: number;
  readonly policy: DepositPolicy;
  readonly hotWallet: string | null;
};

/** Rows a page, when the watched set is read: some 20 MB at a time. */
const PAGE_ROWS = 50_000;

/**
 * What a block means for payments. One instance serves one term: what it remembers is only ever a
 * superset of what the database holds, so a transaction that failed leaves nothing to take back.
 */
export function createPaymentHandlers(deps: PaymentDeps): BlockHandlers<PaymentsSummary> {
  const addresses = createFingerprintSet();
  const outputs = createFingerprintSet();
  let watchedUpTo = 0n;
  if (deps.hotWallet !== null) addresses.add(deps.hotWallet);
  const digest = createDigestUpgrade(deps.partitionId);
  const wallet = createWalletBackfill({ ...deps, learn: outputs.add });
  const past = createAddressBackfill({ ...deps, learn: outputs.add });

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
        await forgetOtherWallets(tx, deps.partitionId, deps.hotWallet);
        return lastWatchId(tx);
      });
      await digest.prepare(pool);
      await learnAddresses(pool, upTo);
      for await (const page of recordedOutputs(pool, deps.partitionId, PAGE_ROWS)) {
        for (const { txHash, index } of page) outputs.add(`${txHash}#${index}`);
        signal?.throwIfAborted();
      }
    },

    async forward(tx, blocks, at) {
      await takeRegistrationLock(tx, deps.partitionId);
      await digest.catchUp(tx);
      await learnNewAddresses(tx);
      past.onForward();
      const hits = matchBlocks(blocks, {
        mayBeWatched: addresses.mayHave,
        mayBeRecorded: outputs.mayHave,
      });
      const effects = await plan(tx, deps, blocks, hits, at);
      const toldBefore = await bookEffects(tx, deps.partitionId, effects, at);
      for (const { txHash, output } of hits.outputs) outputs.add(`${txHash}#${output.index}`);
      return withTold(effects.summary, toldBefore);
    },

    async backward(tx, height, at) {
      past.onBackward();
      // Nobody may register meanwhile at a height that is about to be gone.
      await takeRegistrationLock(tx, deps.partitionId);
      const payments = await paymentsAbove(tx, deps.partitionId, height);
      const effects = effectsOfRollback(payments, Math.max(0, height));
      const marked = await undoAbove(tx, deps.partitionId, height);
      await forgetBackfillsAbove(tx, deps.partitionId, height);
      await unwatchAbove(tx, deps.partitionId, height, at);
      await deleteDigestsAbove(tx, deps.partitionId, height);
      expectRows('roll back payments', marked, payments.length);
      const toldBefore = await tellEffects(tx, effects, at);
      const reversed = payments.filter((payment) => payment.status === 'confirmed');
      if (reversed.length > 0) await auditReversals(tx, at, reversed);
      return withTold(effects.summary, toldBefore);
    },

    async between(books) {
      if (await digest.isBehind(books.pool)) return 'nothing_to_do';
      return both(await wallet(books), () => past.between(books, watchedUpTo));
    },

    learn: (references) => {
      for (const reference of references) outputs.add(reference);
    },

    expectCursor: (pool) => refuseWrongCursor(pool, deps.partitionId),
  };
}

const withTold = (summary: PaymentsSummary, toldBefore: readonly string[]): PaymentsSummary =>
  toldBefore.length === 0 ? summary : { ...summary, toldBefore };

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
  const spent = hits.spends.map(({ reference }) => reference);
  const rolledBack = spent.length === 0 ? new Map() : await rolledBackAmong(tx, spent);
  const due = await paymentsDue(tx, deps.partitionId, blocks.at(-1)?.block.height ?? 0);
  // What is due was asked with it.
  const mayConfirm = owners.size + rolledBack.size > 0;
  return effectsOf(
    blocks,
    hits,
    {
      owners,
      hotWallet: deps.hotWallet,
      recorded,
      rolledBack,
      due,
      confirmationsHeld: mayConfirm && (await confirmationsHeld(tx, deps.partitionId)),
    },
    deps.policy,
    at,
  );
}

/** One after the other at the same books; what `second` finds is looked for once `first` is done. */
async function both(
  first: BetweenOutcome,
  second: () => Promise<BetweenOutcome>,
): Promise<BetweenOutcome> {
  if (first === 'moved') return first;
  const then = await second();
  if (typeof first !== 'object') return then;
  return typeof then === 'object'
    ? { ...then, found: first.found + then.found }
    : moved(then, first);
}

const moved = (then: BetweenOutcome, first: BetweenOutcome): BetweenOutcome =>
  then === 'moved' ? then : first;
