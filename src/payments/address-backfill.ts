import type { OutputReference } from '../chain/block.js';
import type { Tx } from '../database/transaction.js';
import type { BetweenOutcome, BooksBetween } from '../sync/between.js';
import { BooksContradict } from '../sync/contradiction.js';
import {
  addressesToBackfill,
  auditBackfill,
  markBackfilled,
  ownersToBackfill,
} from './address-backfill-queries.js';
import { effectsOfBackfill } from './backfill-effects.js';
import { expectRows, tellEffects } from './book-effects.js';
import type { DepositPolicy } from './confirmation.js';
import { type ContradictedPasts, createContradicted } from './contradicted-pasts.js';
import { addToDigest } from './digest/digest-queries.js';
import { factOfPayment } from './digest/fold.js';
import { referenceOf } from './effects.js';
import { type Asked, askLedger, referenceTo, stands, stillUnspent } from './ledger-question.js';
import { confirmationsHeld, recordedPayments, storePayments } from './payment-queries.js';
import { takeRegistrationLock } from './registration-lock.js';

export type AddressBackfillDeps = {
  readonly partitionId: number;
  readonly policy: DepositPolicy;
  readonly hotWallet: string | null;
  /** Their spends are looked for from the next block on. */
  readonly learn: (reference: OutputReference) => void;
};

/** On a public network every question walks the node's whole ledger, so it is asked for many. */
const ADDRESSES_AT_ONCE = 2_000;

/**
 * What addresses held before they were watched. One instance serves one term: another one begins anew
 * with what isn't recorded yet.
 */
export function createAddressBackfill(deps: AddressBackfillDeps) {
  /** Nothing was left up to that watch id; null where it has to be looked for. */
  let doneUpTo: bigint | null = null;
  /** A rollback is under way or was given up: what it makes to be asked again shows from the next block on. */
  let rollingBack = false;
  let looks = 0;
  let asked: Asked | null = null;
  let size = ADDRESSES_AT_ONCE;
  const contradicted = createContradicted();

  const askNext = async (books: BooksBetween, upTo: bigint): Promise<Asked | null> => {
    const scope = { ...deps, upTo, limit: size, except: contradicted.addresses() };
    const addresses = await addressesToBackfill(books.pool, scope);
    if (addresses.length === 0) return null;
    // An answer that is too much for the node or the connection may be right for fewer.
    size = Math.max(1, Math.floor(size / 2));
    const answer = await askLedger(books, addresses);
    size = Math.min(ADDRESSES_AT_ONCE, size * 4);
    return answer;
  };

  return {
    onBackward(): void {
      rollingBack = true;
    },
    onForward(): void {
      if (!rollingBack) return;
      rollingBack = false;
      contradicted.tryAgain();
      doneUpTo = null;
      looks += 1;
    },

    /** @param watchedUpTo watch ids up to that one are followed, and above it aren't looked for yet */
    async between(books: BooksBetween, watchedUpTo: bigint): Promise<BetweenOutcome> {
      if (contradicted.tryAgainAt(books.height)) doneUpTo = null;
      if (doneUpTo === watchedUpTo && !rollingBack) return 'nothing_to_do';
      const look = looks;
      let total: number | null = null;
      for (;;) {
        if (asked !== null && !(await stands(books.pool, deps.partitionId, asked))) asked = null;
        asked ??= await askNext(books, watchedUpTo);
        if (asked === null) break;
        const found = await recordApart(deps, books, asked, contradicted);
        if (found === null) return 'moved';
        asked = null;
        total = (total ?? 0) + found;
      }
      if (look === looks && !rollingBack) doneUpTo = watchedUpTo;
      return total === null ? 'nothing_to_do' : { found: total, ...contradicted.tell() };
    },
  };
}

/**
 * One address at which another hand changed the books keeps no other from being recorded. Answers as below, for
 * those that could be recorded.
 */
async function recordApart(
  deps: AddressBackfillDeps,
  books: BooksBetween,
  asked: Asked,
  contradicted: ContradictedPasts,
): Promise<number | null> {
  const [address] = asked.addresses;
  try {
    const found = await record(deps, books, asked);
    if (found !== null) contradicted.forget(asked.addresses);
    return found;
  } catch (error) {
    if (!(error instanceof BooksContradict) || address === undefined) throw error;
    if (asked.addresses.length === 1) {
      contradicted.note(address, books.height, error.message);
      return 0;
    }
  }
  const half = Math.ceil(asked.addresses.length / 2);
  let total = 0;
  for (const some of [asked.addresses.slice(0, half), asked.addresses.slice(half)]) {
    const found = await recordApart(deps, books, among(asked, some), contradicted);
    if (found === null) return null;
    total += found;
  }
  return total;
}

function among(asked: Asked, addresses: readonly string[]): Asked {
  const wanted = new Set(addresses);
  const found = asked.found.filter(({ output }) => wanted.has(output.address));
  return { ...asked, addresses, found };
}

/** Answers how many payments it wrote; null where a block came meanwhile. */
async function record(
  deps: AddressBackfillDeps,
  books: BooksBetween,
  asked: Asked,
): Promise<number | null> {
  const recorded = await recordedPayments(books.pool, asked.found);
  const unknown = asked.found.filter((output) => {
    const status = recorded.get(referenceTo(output))?.status ?? 'rolled_back';
    return status === 'rolled_back';
  });
  const unspent = await stillUnspent(books, asked, unknown);
  return books.write(async (tx, at) => {
    // The books are where they were believed to be, but they may have been elsewhere in between.
    if (!(await stands(tx, deps.partitionId, asked))) return 0;
    // What is asked for the addresses stands still until this is committed.
    await takeRegistrationLock(tx, deps.partitionId);
    return write(tx, deps, { ...books, addresses: asked.addresses, unspent }, at);
  });
}

type Backfill = Pick<BooksBetween, 'point' | 'height'> & {
  readonly addresses: readonly string[];
  readonly unspent: Asked['found'];
};

async function write(
  tx: Tx,
  deps: AddressBackfillDeps,
  { point, height, addresses, unspent }: Backfill,
  at: Date,
): Promise<number> {
  const { partitionId, policy, learn } = deps;
  const owners = await ownersToBackfill(tx, partitionId, addresses);
  const effects = effectsOfBackfill(
    unspent,
    {
      owners,
      recorded: await recordedPayments(tx, unspent),
      height,
      confirmationsHeld: await confirmationsHeld(tx, partitionId),
    },
    policy,
    at,
  );
  const { payments } = effects;
  // Before the commit: the next block waits for it, and must find them.
  for (const payment of payments) learn(referenceOf(payment));
  if (payments.length > 0) {
    expectRows('backfill', await storePayments(tx, partitionId, payments), payments.length);
  }
  await tellEffects(tx, effects, at);
  await addToDigest(tx, partitionId, height, payments.map(factOfPayment));
  const asked = [...owners.keys()];
  expectRows('mark as backfilled', await markBackfilled(tx, asked, height), asked.length);
  await auditBackfill(tx, at, { point, height, addresses: asked.length, payments });
  return payments.length;
}
