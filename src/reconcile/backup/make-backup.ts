import { resolve } from 'node:path';
import type { Client, Pool } from 'pg';
import { to } from 'pg-copy-streams';
import { knownMigrations } from '../../database/migrate.js';
import { createSession } from '../../database/pool.js';
import { whyUnfinished } from '../verify/unfinished-books.js';
import { BackupError } from './backup-error.js';
import { nameOf } from './backup-name.js';
import {
  noteBegin,
  noteFailure,
  noteSuccess,
  pointOf,
  readCursorProblems,
  readPoints,
  readSealHeads,
} from './backup-queries.js';
import { type BackupSet, TABLE_POLICIES, type TableShare, tablesOf } from './backup-sets.js';
import {
  copyOut,
  PLAIN_SESSION,
  readMigrations,
  readSequences,
  readTables,
  shareAll,
  type Table,
} from './catalog-queries.js';
import { writeInPlace } from './file-in-place.js';
import { type BackedUpTable, FORMAT, type Manifest, PRODUCT, showManifest } from './manifest.js';
import { openArchive, verifyArchive } from './read-archive.js';
import { writeArchive } from './write-archive.js';

export type BackupDeps = {
  /** Where the table `backups` is written. */
  readonly pool: Pool;
  /** A session-mode connection: one transaction reads all of it. */
  readonly url: string;
  readonly network: string;
  /** Of teller. */
  readonly version: string;
  readonly now: () => Date;
  /** Ends it at once, and leaves no file behind. */
  readonly signal?: AbortSignal;
};

export type BackupReport = {
  /** Absolute. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly manifest: Manifest;
  /** Why the books of which it is can't be relied on, whole as it is. */
  readonly problems: readonly string[];
};

/** @param estimated of all rows, where the planner has an idea of them */
export type OnRows = (rows: number, estimated: number | null) => void;

/**
 * Writes what a set holds, as of one moment, into a file of its own. The service goes on meanwhile:
 * nothing is locked but the shape of the tables.
 *
 * @throws BackupError
 */
export async function makeBackup(
  deps: BackupDeps,
  set: BackupSet,
  directory: string,
  onRows: OnRows,
): Promise<BackupReport> {
  const createdAt = deps.now();
  const id = await noteBegin(deps.pool, set, createdAt);
  try {
    const report = await write(deps, set, resolve(directory), createdAt, onRows);
    const [point] = report.manifest.points;
    await noteSuccess(deps.pool, id, { ...report, at: deps.now(), point });
    return report;
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    await noteFailure(deps.pool, id, deps.now(), problem).catch(() => undefined);
    throw error;
  }
}

async function write(
  deps: BackupDeps,
  set: BackupSet,
  directory: string,
  createdAt: Date,
  onRows: OnRows,
): Promise<BackupReport> {
  let manifest: Manifest | undefined;
  let problems: readonly string[] = [];
  const written = await writeInPlace(
    directory,
    nameOf(deps.network, set, createdAt),
    (handle) =>
      inSnapshot(deps, set, async (session) => {
        const shape = await readShape(session, deps.network);
        if (needsWholeBooks(set)) await refuseUnfinished(session);
        if (set !== 'addresses') problems = await readCursorProblems(session, shape.points);
        const shares = tablesOf(set);
        const estimated = estimateOf(shape.tables, shares);
        const archive = writeArchive(handle, createdAt, (rows) => onRows(rows, estimated));
        try {
          const tables: BackedUpTable[] = [];
          for (const share of shares) {
            deps.signal?.throwIfAborted();
            const table = tableOf(shape.tables, share.name);
            const text = session.query(to(copyOut(table, share.where)));
            // What breaks the connection isn't told to every stream of it.
            const stop = whenAborted(deps.signal, (reason) => text.destroy(reason));
            const tally = await archive.add(share.name, text).finally(stop);
            tables.push({ name: share.name, columns: [...table.columns], ...tally });
          }
          // After the rows: whatever was handed out to them is in these.
          const sequences = await readSequences(session);
          const { points, seals, migrations, leftOut } = shape;
          const { version, network } = deps;
          const head = { product: PRODUCT, format: FORMAT, version, network, set } as const;
          const at = createdAt.toISOString();
          manifest = {
            ...head,
            createdAt: at,
            migrations,
            points,
            seals,
            sequences,
            tables,
            leftOut,
          };
          return await archive.finish(showManifest(manifest));
        } catch (error) {
          await archive.abandon();
          throw error;
        }
      }),
    (file) => verify(file, deps.signal),
    deps.signal,
  );
  if (manifest === undefined) throw new Error('a backup was written without its manifest');
  return { ...written, manifest, problems };
}

/** Whoever restores one of the others asks the chain for what is left out, or has nothing of the kind. */
export const needsWholeBooks = (set: BackupSet): boolean => set === 'all';

/** It would be restored as if it had every payment, and nobody would fill in the others. */
async function refuseUnfinished(session: Client): Promise<void> {
  const reason = await whyUnfinished(session);
  if (reason === null) return;
  throw new BackupError(
    `${reason}. Until then a backup of all lacks payments; \`teller backup --set critical\` has what people entered`,
    'database',
  );
}

async function verify(file: string, signal?: AbortSignal): Promise<void> {
  const archive = await openArchive(file);
  try {
    await verifyArchive(archive, () => signal?.throwIfAborted());
  } finally {
    archive.close();
  }
}

/** One transaction that sees one moment, and ends without a trace. */
async function inSnapshot<T>(
  { url, signal }: BackupDeps,
  set: BackupSet,
  work: (session: Client) => Promise<T>,
): Promise<T> {
  const session = createSession(url, 'teller backup');
  // A connection that breaks between two queries says so here; the next query says it again.
  session.on('error', () => undefined);
  signal?.throwIfAborted();
  await session.connect();
  const stop = whenAborted(signal, () => void session.end().catch(() => undefined));
  try {
    await session.query('begin isolation level repeatable read read only');
    await session.query(PLAIN_SESSION);
    // Before the snapshot is taken: no migration may change the tables under it.
    await session.query(shareAll(tablesOf(set).map(({ name }) => name)));
    return await work(session);
  } catch (error) {
    // The connection breaks by that, which isn't the reason.
    signal?.throwIfAborted();
    throw error;
  } finally {
    stop();
    // In the middle of a COPY it breaks the socket, which ends the COPY as well.
    await session.end();
  }
}

/** @returns what ends the waiting for it */
function whenAborted(signal: AbortSignal | undefined, act: (reason: Error) => void): () => void {
  const told = (): void =>
    act(signal?.reason instanceof Error ? signal.reason : new Error('the backup was ended'));
  if (signal?.aborted === true) told();
  signal?.addEventListener('abort', told, { once: true });
  return () => signal?.removeEventListener('abort', told);
}

type Shape = Pick<Manifest, 'points' | 'seals' | 'migrations' | 'leftOut'> & {
  readonly tables: readonly Table[];
};

async function readShape(session: Client, network: string): Promise<Shape> {
  const migrations = await readMigrations(session);
  refuseOtherSchema(migrations);
  const tables = await readTables(session);
  const stored = await readPoints(session);
  const foreign = stored.find((point) => point.network !== network);
  if (foreign !== undefined) {
    throw new BackupError(
      `NETWORK: given ${network}, but this database follows ${foreign.network}`,
      'setting',
    );
  }
  return {
    tables,
    migrations,
    points: stored.map(pointOf),
    seals: await readSealHeads(session),
    leftOut: tables.map(({ name }) => name).filter((name) => !(name in TABLE_POLICIES)),
  };
}

/** Of a schema that this code doesn't know, it can't know what belongs into a backup. */
function refuseOtherSchema(applied: readonly string[]): void {
  const known = knownMigrations();
  const unknown = applied.filter((name) => !known.includes(name));
  const pending = known.filter((name) => !applied.includes(name));
  if (unknown.length > 0) {
    throw new BackupError(
      `the database's schema is newer than this version of teller (${unknown.join(', ')}): make the backup with the version that made the schema`,
      'database',
    );
  }
  if (pending.length === 0) return;
  throw new BackupError(
    `DATABASE_URL: the schema is that of an older version of teller (${pending.join(', ')} pending): run \`teller migrate\` first`,
    'setting',
  );
}

function tableOf(tables: readonly Table[], name: string): Table {
  const table = tables.find((one) => one.name === name);
  if (table !== undefined) return table;
  throw new BackupError(`the database has lost its table ${name}: restore a backup`, 'database');
}

function estimateOf(tables: readonly Table[], shares: readonly TableShare[]): number | null {
  const names = new Set(shares.filter(({ where }) => where === null).map(({ name }) => name));
  const rows = tables
    .filter(({ name }) => names.has(name))
    .reduce((sum, { estimatedRows }) => sum + estimatedRows, 0);
  return rows === 0 ? null : rows;
}
