import { randomInt } from 'node:crypto';
import pLimit from 'p-limit';
import type { Pool } from 'pg';
import { SECURITY_PARAMETER_BLOCKS } from '../../chain/point.js';
import { describeDatabaseError, isTransient } from '../../database/pool.js';
import { atOneMoment, type Tx } from '../../database/transaction.js';
import {
  type BalanceVerification,
  MISMATCHES_SHOWN_MAX,
  verifyBalances,
} from '../../payments/balance-reads.js';
import { checkDigest, type DigestCheck } from '../../payments/digest/check-digest.js';
import type { StandingPause } from '../../payouts/model/standing-pause.js';
import type { Bounded } from '../seals/check-queries.js';
import {
  type InTurn,
  type OutsideNotes,
  type SealsCheck,
  verifySeals,
} from '../seals/check-seals.js';
import { type Movements, mayHaveOrphans } from './balanced-orphans.js';
import { readBooks, SEED_MAX, type UnitBooks } from './books-queries.js';
import { debtsByUnit } from './debts.js';
import { checkConfirmations, type EarlyConfirmation } from './early-confirmations.js';
import {
  type LedgerMismatch,
  ledgerMismatches,
  type OrphanEntry,
  orphanEntries,
  unfoundedEntries,
} from './ledger-queries.js';
import { type ManualEntries, manualEntriesOf } from './manual-entries.js';
import { type OverdueSealing, overdueSealings } from './overdue-sealing-queries.js';
import { pauseTakenAway } from './pause-taken-away.js';
import {
  checkHeld,
  checkPayouts,
  type HeldMismatch,
  type PayoutMismatch,
} from './payout-check-queries.js';
import { checkReferences, type ReferenceMismatch } from './reference-queries.js';
import { type Reserve, reservesOf, type Shortfall, shortfallOf } from './reserves.js';

/** The stored digest of a partition against its tables; `problem` where they couldn't be read. */
export type PartitionDigest = { readonly partitionId: number } & (
  | DigestCheck
  | { readonly problem: string }
);

/** Whether the books agree with themselves. Each list has its first MISMATCHES_SHOWN_MAX; counts are of all. */
export type Verification = BalanceVerification & {
  readonly ledger: Bounded<LedgerMismatch>;
  readonly held: Bounded<HeldMismatch>;
  readonly orphans: Bounded<OrphanEntry>;
  readonly unfounded: Bounded<OrphanEntry>;
  /** What people entered: no mismatch, but nothing beside the ledger answers for it either. */
  readonly manualEntries: ManualEntries;
  readonly payouts: Bounded<PayoutMismatch>;
  /** A person paused payouts, nobody resumed them, and they aren't paused. */
  readonly pauseTakenAway: StandingPause | null;
  readonly references: Bounded<ReferenceMismatch>;
  readonly earlyConfirmations: Bounded<EarlyConfirmation>;
  readonly reserves: readonly Reserve[];
  readonly shortfall: Shortfall;
  readonly seals: SealsCheck;
  /** Rows that should be under a seal by now. No mismatch: perhaps nobody has led since. */
  readonly overdueSealings: readonly OverdueSealing[];
  readonly digests: readonly PartitionDigest[];
  /** Of every kind. A shortfall of reserves is none: money may be elsewhere. */
  readonly totalMismatches: number;
};

/** Whole tables are read side by side, over a connection each, and each by several of the server's processors. */
export const SIDE_BY_SIDE_MAX = 3;

export type VerificationWishes = {
  /** Of seals, from where nobody who writes to this database could change them. */
  readonly notes?: OutsideNotes;
  /** k, in blocks; simulated chains have their own. */
  readonly securityParameter?: number;
  /** How many of the passes are done, of those that are known of by now. */
  readonly onProgress?: (done: number, known: number) => void;
};

/**
 * Recomputes what can be recomputed, in a few passes over whole tables. It only reads, and locks nothing; payments,
 * payouts, ledger and balances are those of one moment, whatever is committed meanwhile.
 */
export async function verifyBooks(
  pool: Pool,
  {
    notes = {},
    securityParameter = SECURITY_PARAMETER_BLOCKS,
    onProgress = () => undefined,
  }: VerificationWishes = {},
): Promise<Verification> {
  // Whoever waits for one of the pool's connections gives up sooner than these passes end.
  const inTurn = counting(pLimit(Math.min(SIDE_BY_SIDE_MAX, pool.options.max)), onProgress);
  // Seals are counted at once; their slices come after what takes longest, so that all end at about the same time.
  const [seals, accounts, digests, rows] = await Promise.all([
    verifySeals(pool, notes, MISMATCHES_SHOWN_MAX, inTurn),
    inTurn(() => withRoom(pool, verifyAccounts)),
    inTurn(() => withRoom(pool, verifyDigests)),
    inTurn(() => withRoom(pool, (tx) => verifyRows(tx, securityParameter))),
  ]);
  const books = { ...accounts, ...rows };
  const overdue = await overdueSealings(pool);
  const pause = await pauseTakenAway(pool);
  const { mismatchCount, ledger, held, orphans, unfounded } = books;
  const ofSeals = seals.changed.count + seals.broken.count + seals.notAsNoted.length;
  const ofEntries = held.count + orphans.count + unfounded.count;
  const ofPayments = rows.references.count + rows.earlyConfirmations.count;
  const ofRows = ofEntries + rows.payouts.count + ofPayments;
  const ofBooks = mismatchCount + ledger.count + ofRows;
  const ofPauses = pause === null ? 0 : 1;
  const totalMismatches = ofBooks + ofPauses + ofSeals + digests.filter(isWrong).length;
  const others = { pauseTakenAway: pause, seals, overdueSealings: overdue, digests };
  return { ...books, ...others, totalMismatches };
}

function counting(
  inTurn: InTurn,
  tell: Exclude<VerificationWishes['onProgress'], undefined>,
): InTurn {
  let [done, known] = [0, 0];
  return async (work) => {
    known += 1;
    const result = await inTurn(work);
    done += 1;
    tell(done, known);
    return result;
  };
}

export const isWrong = (digest: PartitionDigest): boolean =>
  'problem' in digest || digest.firstDifference !== null;

/** The payments of a large installation are held against its entries in memory, on each processor. */
const ROOM = "set local work_mem = '128MB'";

const withRoom = <T>(pool: Pool, work: (tx: Tx) => Promise<T>): Promise<T> =>
  atOneMoment(pool, async (tx) => {
    await tx.query(ROOM);
    return work(tx);
  });

async function verifyAccounts(tx: Tx) {
  const seed = randomInt(SEED_MAX);
  const books = await readBooks(tx, seed);
  const differs = books.some((unit) => unit.differs);
  const hasOrphans = differs || (await mayHaveOrphans(tx, seed, movementsOf(books)));
  const hasUnfounded = books.some((unit) => unit.unfounded !== '0');
  const reserves = reservesOf(books, await debtsByUnit(tx));
  const shown = MISMATCHES_SHOWN_MAX;
  return {
    ...(differs ? await verifyBalances(tx) : agreeing(books)),
    ledger: differs ? await ledgerMismatches(tx, shown) : NONE,
    // Where balances are their entries, and entries what payouts make of them, open payouts hold what is held.
    held: differs ? await checkHeld(tx, shown) : NONE,
    orphans: hasOrphans ? await orphanEntries(tx, shown) : NONE,
    unfounded: hasUnfounded ? await unfoundedEntries(tx, shown) : NONE,
    manualEntries: manualEntriesOf(books, shown),
    reserves: reserves.slice(0, shown),
    shortfall: shortfallOf(reserves),
  };
}

/** Rows of which nothing but their like tells what they must be: they need not be of the moment of the accounts. */
const verifyRows = async (tx: Tx, securityParameter: number) => ({
  payouts: await checkPayouts(tx, MISMATCHES_SHOWN_MAX, securityParameter),
  references: await checkReferences(tx, MISMATCHES_SHOWN_MAX),
  earlyConfirmations: await checkConfirmations(tx, MISMATCHES_SHOWN_MAX),
});

const NONE = { count: 0, shown: [] };

function agreeing(books: readonly UnitBooks[]): BalanceVerification {
  const sum = (read: (unit: UnitBooks) => string) =>
    books.reduce((all, unit) => all + Number(read(unit)), 0);
  const balances = sum((unit) => unit.balances);
  return { balances, entries: sum((unit) => unit.entries), mismatches: [], mismatchCount: 0 };
}

const movementsOf = (books: readonly UnitBooks[]): Movements => ({
  takenBack: books.reduce((all, unit) => all + Number(unit.takenBack), 0),
  isTorn: books.some((unit) => unit.isTorn),
});

const PARTITIONS = 'select partition_id from sync_state order by partition_id';

async function verifyDigests(tx: Tx): Promise<PartitionDigest[]> {
  const { rows } = await tx.query<{ partition_id: number }>(PARTITIONS);
  const digests: PartitionDigest[] = [];
  for (const { partition_id: partitionId } of rows) {
    try {
      digests.push({ partitionId, ...(await checkDigest(tx, partitionId)) });
    } catch (error) {
      if (isTransient(error)) throw error;
      // Whatever another hand made of the rows: that is a finding, and says where to look.
      digests.push({ partitionId, problem: describeDatabaseError(error) });
    }
  }
  return digests;
}
