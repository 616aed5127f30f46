import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg, { type Client } from 'pg';
import { from } from 'pg-copy-streams';
import { migrate } from '../../database/migrate.js';
import { createSession } from '../../database/pool.js';
import type { Tx } from '../../database/transaction.js';
import { checkDigest, type DigestCheck } from '../../payments/digest/check-digest.js';
import { audit } from '../../payouts/model/books-queries.js';
import { readControl, setPaused } from '../../payouts/model/control-queries.js';
import { readIdentity } from '../../payouts/model/database-identity.js';
import { hold } from '../../payouts/paying/hold-queries.js';
import { BackupError } from './backup-error.js';
import { pointOf, readCursorProblems, readPoints, readSealHeads } from './backup-queries.js';
import { inOrderOfReferences, TABLE_POLICIES } from './backup-sets.js';
import { beginBulkLoad, endBulkLoad, type Removed } from './bulk-load.js';
import {
  copyIn,
  deleteAll,
  lockAll,
  PLAIN_SESSION,
  readReferences,
  readTables,
  setSequences,
  type Table,
} from './catalog-queries.js';
import type { Manifest } from './manifest.js';
import { type Archive, verifyArchive } from './read-archive.js';
import { isWithoutSchema, refuseForeign, refuseLiveWorker, refuseUsed } from './restorable.js';
import {
  endTerms,
  noteRestore,
  RESTORE_SESSION,
  requestRebuild,
  watchAnew,
} from './restore-queries.js';
import { meter } from './write-archive.js';

export type RestoreDeps = {
  /** A session-mode connection. */
  readonly url: string;
  readonly network: string;
  /** Who restores. */
  readonly actor: string;
  readonly now: () => Date;
};

type Pause = { readonly at: Date; readonly by: string | null; readonly reason: string | null };

export type RestoreReport = {
  readonly file: string;
  readonly manifest: Manifest;
  readonly rows: number;
  /** Of each partition, where the backup has all that the digest is made of; else null. */
  readonly digests: readonly DigestCheck[] | null;
  /** Why the books can't be relied on, though they are those of which the backup was made. */
  readonly problems: readonly string[];
  /** Jobs that fill in from the chain what the backup left out. */
  readonly jobs: readonly string[];
  /** Nothing of what was paid before is in the set: payouts wait for a person, and not only for time. */
  readonly paused: boolean;
  /** Somebody had paused payouts when the backup was made, and that holds on. */
  readonly pausedBefore: Pause | null;
};

/** Told of what is done: the bytes verified, the rows written, and then those that are held against each index or reference. */
export type RestoreProgress = {
  readonly onBytes: (bytes: number) => void;
  readonly onRows: (rows: number) => void;
  /** First of none. */
  readonly onIndexed: (rows: number, total: number) => void;
};

/**
 * Puts a backup into an empty database, all of it or nothing. Afterwards the database is of another
 * time than the chain and the wallet: whoever led or paid before can't write, and payouts are held.
 *
 * @throws BackupError where the file or the database isn't fit for it; then no row was written, though a
 *   database without tables may have been given them
 */
export async function restoreBackup(
  deps: RestoreDeps,
  archive: Archive,
  progress: RestoreProgress,
): Promise<RestoreReport> {
  refuseForeign(archive.manifest, archive.file, deps.network);
  await verifyArchive(archive, progress.onBytes);
  const session = createSession(deps.url, RESTORE_SESSION);
  // A connection that breaks between two queries says so here; the next query says it again.
  session.on('error', () => undefined);
  await session.connect();
  try {
    await refuseLiveWorker(session, archive.manifest);
    if (await isWithoutSchema(session)) await migrate(deps.url);
    await session.query('begin');
    await session.query(PLAIN_SESSION);
    const report = await fill(session, deps, archive, progress);
    await session.query('commit');
    return report;
  } finally {
    // What wasn't committed ends with the session, and so do the locks that keep workers away.
    await session.end();
  }
}

async function fill(
  session: Client,
  deps: RestoreDeps,
  archive: Archive,
  progress: RestoreProgress,
): Promise<RestoreReport> {
  const { manifest, file } = archive;
  const tx: Tx = {
    open: 'transaction',
    query: (text, values) => session.query(text, values),
  };
  await tx.query(lockAll((await readTables(tx)).map(({ name }) => name)));
  const tables = await refuseUsed(tx, manifest);
  const rows = await refuseBroken(file, 'rows', () => load(session, tx, archive, tables, progress));
  await refuseBroken(file, 'sequences', () => setSequences(tx, manifest.sequences));
  await refuseDifferent(tx, manifest, file);
  const digests = manifest.set === 'all' ? await checkDigests(tx, manifest) : null;
  const problems = await cursorProblems(tx, manifest);
  const pausedBefore = await readPause(tx);
  const jobs = await takeOver(tx, deps, manifest, file);
  const paused = manifest.set === 'addresses';
  return { file, manifest, rows, digests, problems, jobs, paused, pausedBefore };
}

async function readPause(tx: Tx): Promise<Pause | null> {
  const { pausedAt: at, pausedBy: by, pauseReason: reason } = await readControl(tx);
  return at === null ? null : { at, by, reason };
}

/** @returns how many rows */
async function load(
  session: Client,
  tx: Tx,
  archive: Archive,
  tables: readonly Table[],
  { onRows, onIndexed }: RestoreProgress,
): Promise<number> {
  const saved = archive.manifest.tables;
  // Before what it rests upon is away.
  const order = inOrderOfReferences(
    tables.map(({ name }) => name),
    await readReferences(tx),
  );
  const { fresh, removed } = await beginBulkLoad(
    tx,
    saved.map(({ name }) => name),
  );
  const rows = await copyTables(session, tx, archive, order, fresh, onRows);
  const rowsOf = new Map(saved.map((table) => [table.name, table.rows]));
  const weigh = ({ table }: Removed): number => rowsOf.get(table) ?? 0;
  const total = removed.reduce((sum, one) => sum + weigh(one), 0);
  onIndexed(0, total);
  await endBulkLoad(tx, removed, (one) => onIndexed(weigh(one), total));
  return rows;
}

async function copyTables(
  session: Client,
  tx: Tx,
  archive: Archive,
  order: readonly string[],
  fresh: ReadonlySet<string>,
  onRows: (rows: number) => void,
): Promise<number> {
  const saved = new Map(archive.manifest.tables.map((table) => [table.name, table]));
  let rows = 0;
  for (const name of order) {
    const table = saved.get(name);
    if (table === undefined) continue;
    if (TABLE_POLICIES[name]?.seeded === true) await tx.query(deleteAll(name));
    const text = await archive.rowsOf(table);
    // After it: while that is waited for nobody would hear that all rows are refused.
    const copy = session.query(from(copyIn(table, fresh.has(name))));
    await pipeline(text, meter(onRows).pass, copy);
    if (copy.rowCount !== table.rows) {
      throw new Error(`${name}: ${copy.rowCount} of ${table.rows} rows were taken`);
    }
    rows += table.rows;
  }
  return rows;
}

/** What the tables refuse, row by row or all together: another value, doubled, or without what it refers to. */
async function refuseBroken<T>(
  file: string,
  what: 'rows' | 'sequences',
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || !/^2[23]/.test(error.code ?? '')) throw error;
    const { message, table, detail, where } = error;
    const at = [table, detail ?? where].filter((text) => text !== undefined).join(': ');
    const why = at === '' ? message : `${message}; ${at}`;
    throw new BackupError(
      `${file}: its ${what} break the rules of the tables (${why}), though each is as it was written there: ` +
        'somebody changed the file, or the database that it was made of was broken; nothing was written, take another backup',
      'file',
    );
  }
}

/** The database now says of itself what it said when the backup was made. @throws BackupError */
async function refuseDifferent(tx: Tx, manifest: Manifest, file: string): Promise<void> {
  if (manifest.set === 'addresses') return;
  const points = (await readPoints(tx)).map(pointOf);
  const seals = await readSealHeads(tx);
  const differs = same(points, manifest.points.map(pointOf))
    ? !same(seals, manifest.seals) && 'the newest seals of ledger and audit log'
    : 'point or state digest';
  if (differs === false) return;
  throw new BackupError(
    `${file}: ${differs} aren't those that its manifest names: somebody changed it; take another backup`,
    'file',
  );
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const cursorProblems = async (tx: Tx, { set, points }: Manifest): Promise<readonly string[]> =>
  set === 'addresses' ? [] : readCursorProblems(tx, points);

/** A difference was there before the backup: its rows are those that were read, or it were refused. */
async function checkDigests(tx: Tx, manifest: Manifest): Promise<DigestCheck[]> {
  const checks: DigestCheck[] = [];
  for (const { partitionId } of manifest.points) checks.push(await checkDigest(tx, partitionId));
  return checks;
}

/**
 * The identity is noted with the hold: a payer that found another one would hold a second time, and
 * begin to wait anew. The bound is left to it, because only a node knows the tip.
 */
async function takeOver(
  tx: Tx,
  { actor, now }: RestoreDeps,
  manifest: Manifest,
  file: string,
): Promise<string[]> {
  const at = now();
  const { createdAt, set, points } = manifest;
  const reason = `restored from ${basename(file)}, made at ${createdAt}: what was paid since is forgotten`;
  if (set === 'addresses') await watchAnew(tx);
  await endTerms(tx, at);
  await hold(tx, at, reason, await readIdentity(tx));
  const held = { action: 'payout.held', entityType: 'payouts', entityId: 'all' } as const;
  await audit(tx, at, [{ ...held, actor, details: { reason } }]);
  if (set === 'addresses') await pause(tx, at, actor);
  await noteRestore(tx, at, actor, { file: basename(file), set, createdAt, points });
  return set === 'critical' ? requestRebuild(tx, actor) : [];
}

const PAUSE_REASON =
  'restored from a backup of addresses alone: what was paid before is not known, unless START_POINT lies before the first payout';

/**
 * A hold ends once nothing forgotten can land; what did land before the new start is never learned of, and
 * would be paid again when it is asked for again.
 */
async function pause(tx: Tx, at: Date, actor: string): Promise<void> {
  await setPaused(tx, actor, PAUSE_REASON);
  const paused = { action: 'payout.paused', entityType: 'payouts', entityId: 'all' } as const;
  await audit(tx, at, [{ ...paused, actor, details: { reason: PAUSE_REASON } }]);
}
