import type { Pool } from 'pg';
import type { Queryable, Tx } from '../../database/transaction.js';
import {
  acceptRows,
  type Bounded,
  type BrokenLink,
  brokenLinks,
  type ChangedRows,
  changedRows,
  hashOfSeal,
  sliceEnds,
} from './check-queries.js';
import { type NotedHead, notedHead, noteHeads } from './noted-heads-queries.js';
import { SEAL_CHAINS, type SealChain } from './seal.js';
import { countUnsealed, sealHead } from './seal-queries.js';

/** What was noted of a chain's end where nobody who writes to this database could change it. */
export type OutsideNotes = Partial<
  Readonly<Record<SealChain, { readonly seal: number; readonly hash: string }>>
>;

/** A seal that was noted elsewhere and isn't here (null), or is another one. */
export type NotAsNoted = {
  readonly chain: SealChain;
  readonly seal: number;
  readonly noted: string;
  readonly stored: string | null;
  /** By the last verification, for which a person may answer, or only outside. */
  readonly notedIn: 'audit_log' | 'outside';
};

export type SealsCheck = {
  readonly chains: readonly {
    readonly chain: SealChain;
    readonly seal: number;
    readonly hash: string;
    readonly rows: number;
    /** Rows that no seal covers yet; counted up to a bound. */
    readonly unsealed: number;
  }[];
  readonly changed: Bounded<ChangedRows>;
  readonly broken: Bounded<BrokenLink>;
  readonly notAsNoted: readonly NotAsNoted[];
};

/** Begins some work once it may have a connection; as many as it may at a time. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** Whether a row that was sealed was edited, deleted or added since, and the seals are those of then. */
export async function verifySeals(
  pool: Pool,
  notes: OutsideNotes,
  shown: number,
  inTurn: InTurn,
): Promise<SealsCheck> {
  const [notAsNoted, ...checks] = await Promise.all([
    inTurn(() => holdAgainst(pool, notes)),
    ...SEAL_CHAINS.map((chain) => verifyChain(pool, chain, shown, inTurn)),
  ]);
  return {
    chains: checks.map((check) => check.head),
    changed: join(
      checks.map((check) => check.changed),
      shown,
    ),
    broken: join(
      checks.map((check) => check.broken),
      shown,
    ),
    notAsNoted,
  };
}

async function verifyChain(pool: Pool, chain: SealChain, shown: number, inTurn: InTurn) {
  const { head, ends } = await inTurn(async () => {
    const head = await sealHead(pool, chain);
    return { head, ends: await sliceEnds(pool, chain, head.seal) };
  });
  const [changed, broken, unsealed] = await Promise.all([
    Promise.all(
      slicesOf(ends).map((slice) => inTurn(() => changedRows(pool, chain, slice, shown))),
    ),
    inTurn(() => brokenLinks(pool, chain, shown)),
    inTurn(() => countUnsealed(pool, chain, head)),
  ]);
  const { seal, hash, rows } = head;
  return {
    head: { chain, seal, hash, rows, unsealed },
    changed: join(changed, shown),
    broken,
  };
}

/** From the end of one to that of the next. */
const slicesOf = (ends: readonly number[]) =>
  ends.map((to, place): [from: number, to: number] => [(ends[place - 1] ?? -1) + 1, to]);

const join = <T>(parts: readonly Bounded<T>[], shown: number): Bounded<T> => ({
  count: parts.reduce((sum, part) => sum + part.count, 0),
  shown: parts.flatMap((part) => part.shown).slice(0, shown),
});

/** Against what was noted outside, and what the last verification noted. */
async function holdAgainst(db: Queryable, outside: OutsideNotes): Promise<NotAsNoted[]> {
  const found: NotAsNoted[] = [];
  for (const chain of SEAL_CHAINS) {
    const own = await notedHead(db, chain);
    const lost = own === null ? null : await lostSeal(db, chain, own);
    if (lost !== null) found.push({ ...lost, notedIn: 'audit_log' });
    const other = outside[chain];
    if (other === undefined || (other.seal === own?.seal && other.hash === own.hash)) continue;
    const lostOutside = await lostSeal(db, chain, other);
    if (lostOutside !== null) found.push({ ...lostOutside, notedIn: 'outside' });
  }
  return found;
}

async function lostSeal(
  db: Queryable,
  chain: SealChain,
  { seal, hash: noted }: NotedHead,
): Promise<Omit<NotAsNoted, 'notedIn'> | null> {
  if (seal === 0) return null;
  const stored = await hashOfSeal(db, chain, seal);
  return stored === noted ? null : { chain, seal, noted, stored };
}

/**
 * Somebody answers for rows that aren't what was sealed: as they are now, they count as they should be.
 * What was sealed stays. @returns how many seals differed
 */
export async function acceptSeals(
  tx: Tx,
  at: Date,
  seals: readonly { readonly chain: SealChain; readonly seal: number }[],
  by: string,
  reason: string,
): Promise<number> {
  let accepted = 0;
  for (const chain of SEAL_CHAINS) {
    const numbers = seals.filter((one) => one.chain === chain).map((one) => one.seal);
    if (numbers.length > 0) accepted += await acceptRows(tx, at, chain, numbers, by, reason);
  }
  return accepted;
}

/**
 * Somebody answers for a seal that was noted and is gone, or another one: what is sealed now is noted instead.
 *
 * @returns whether that very seal was noted last, and isn't as it was
 */
export async function acceptLoss(
  tx: Tx,
  chain: SealChain,
  seal: number,
  by: string,
  reason: string,
): Promise<boolean> {
  const noted = await notedHead(tx, chain);
  if (noted?.seal !== seal) return false;
  const lost = await lostSeal(tx, chain, noted);
  if (lost === null) return false;
  await noteHeads(tx, by, [{ chain, ...(await sealHead(tx, chain)) }], { reason, insteadOf: lost });
  return true;
}
