import { readdir, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { ObserveProof } from '../model/proof-events.js';
import { booksBeingMade } from '../verify/unfinished-books.js';
import { BackupError } from './backup-error.js';
import { setOfName } from './backup-name.js';
import { readDoubtful } from './backup-queries.js';
import type { BackupSet } from './backup-sets.js';
import { PARTIAL } from './file-in-place.js';
import { type BackupDeps, makeBackup, needsWholeBooks } from './make-backup.js';
import { PRODUCT } from './manifest.js';
import { checksumFile, openArchive } from './read-archive.js';
import { dueSets, expiredBackups, type KeptBackup, newestOfEach } from './retention.js';

export type PlannedBackupDeps = BackupDeps & {
  readonly directory: string;
  readonly observe: ObserveProof;
};

export type PlannedBackups = {
  /** Files that were written. */
  readonly written: readonly string[];
  /** Files whose time was over. */
  readonly removed: readonly string[];
};

/**
 * What BACKUP_CRON does each time: the sets that are due, then away with what is kept no longer.
 *
 * @throws the first that couldn't be written; whatever else was due is written all the same, and what is
 * kept no longer of sets that were written is removed: a disk that fills up must not stay full
 */
export async function backupByPlan(deps: PlannedBackupDeps): Promise<PlannedBackups> {
  const now = deps.now();
  const directory = resolve(deps.directory);
  const written: string[] = [];
  const problems: unknown[] = [];
  const doubtful = new Set<BackupSet>();
  const before = await readKept(directory, deps);
  for (const set of await possibleAmong(deps, dueSets(before.kept, now))) {
    try {
      const { file, bytes, problems } = await makeBackup(deps, set, directory, () => undefined);
      written.push(file);
      const [reason] = problems;
      if (reason === undefined) {
        deps.observe({ type: 'backup_finished', kind: set, file, bytes });
      } else {
        deps.observe({ type: 'backup_doubtful', kind: set, file, reason });
        doubtful.add(set);
      }
    } catch (error) {
      // The term is over: whoever leads next makes all that is due.
      deps.signal?.throwIfAborted();
      deps.observe({ type: 'backup_failed', kind: set, reason: reasonOf(error) });
      problems.push(error);
      doubtful.add(set);
    }
  }
  for (const { file, reason } of before.unreadable) {
    deps.observe({ type: 'backup_unreadable', file, reason });
  }
  const removed = await removeExpired(directory, deps, now, doubtful);
  if (problems.length > 0) throw problems[0];
  return { written, removed };
}

/** Those that want whole books are put off while these are made again; what people enter is saved meanwhile. */
async function possibleAmong(
  { pool, observe }: PlannedBackupDeps,
  due: readonly BackupSet[],
): Promise<readonly BackupSet[]> {
  const reason = due.some(needsWholeBooks) ? await booksBeingMade(pool) : null;
  if (reason === null) return due;
  observe({ type: 'schedule_postponed', schedule: 'backup', reason });
  return due.filter((set) => !needsWholeBooks(set));
}

type Kept = {
  readonly kept: readonly KeptBackup[];
  /** With a name of ours, and not to be read: somebody has to look; it is never removed. */
  readonly unreadable: readonly { readonly file: string; readonly reason: string }[];
};

/** Of this product and network; whatever else lies there isn't ours to count or remove. */
async function readKept(directory: string, { network }: PlannedBackupDeps): Promise<Kept> {
  const kept: KeptBackup[] = [];
  const unreadable: { file: string; reason: string }[] = [];
  for (const name of await readDirectory(directory)) {
    const set = setOfName(name, network);
    if (set === null) continue;
    const file = join(directory, name);
    try {
      const archive = await openArchive(file);
      const { manifest } = archive;
      archive.close();
      if (manifest.network !== network || manifest.set !== set) continue;
      kept.push({ file, set, createdAt: new Date(manifest.createdAt) });
    } catch (error) {
      unreadable.push({ file, reason: reasonOf(error).replace(`${file}: `, '') });
    }
  }
  return { kept, unreadable };
}

/** Where nothing new of a set could be written, or nothing to rely on, its old ones are all there is. */
async function removeExpired(
  directory: string,
  deps: PlannedBackupDeps,
  now: Date,
  doubtfulNow: ReadonlySet<BackupSet>,
): Promise<string[]> {
  const { kept } = await readKept(directory, deps);
  const doubtful = new Set([...doubtfulNow, ...(await doubtfulSince(deps, kept))]);
  const removed: string[] = [];
  for (const { file, set } of expiredBackups(kept, now)) {
    if (doubtful.has(set)) continue;
    await rm(file, { force: true });
    await rm(checksumFile(file), { force: true });
    removed.push(file);
  }
  await removeLeftovers(directory, now);
  return removed;
}

/** What isn't due each time stays doubtful until the next one of its set is written. */
async function doubtfulSince(
  { pool }: PlannedBackupDeps,
  kept: readonly KeptBackup[],
): Promise<BackupSet[]> {
  const newest = newestOfEach(kept);
  const names = await readDoubtful(
    pool,
    newest.map(({ file }) => basename(file)),
  );
  return newest.filter(({ file }) => names.includes(basename(file))).map(({ set }) => set);
}

const LEFTOVER_MS = 86_400_000;

/** Of a writer that was killed; a younger one may still be at it. */
export async function removeLeftovers(directory: string, now: Date): Promise<void> {
  for (const name of await readDirectory(directory)) {
    if (!name.startsWith(`.${PRODUCT}-`) || !name.endsWith(PARTIAL)) continue;
    const file = join(directory, name);
    const found = await stat(file).catch(() => null);
    if (found !== null && now.getTime() - found.mtimeMs > LEFTOVER_MS) {
      await rm(file, { force: true });
    }
  }
}

const readDirectory = async (directory: string): Promise<string[]> =>
  readdir(directory).catch((error: unknown) => {
    throw new BackupError(
      `BACKUP_DIR: given ${directory}, which can't be read (${reasonOf(error)}); make it, for the user that teller runs as`,
      'setting',
    );
  });

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
