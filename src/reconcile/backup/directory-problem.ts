import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BackupError } from './backup-error.js';
import { PARTIAL, tellWriting } from './file-in-place.js';
import { PRODUCT } from './manifest.js';

/** What only another directory, or another right, mends. A disk that is full today isn't a wrong setting. */
const WRONG = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS']);

/**
 * Why no file can be made where backups are to be written; null where one can be. Tried, because rights
 * alone don't tell: a file system may be read only, and root may do all but that.
 */
export async function directoryProblem(directory: string): Promise<string | null> {
  // What `resolve` would take for the directory that teller happened to be started in.
  if (directory.trim() === '') return 'is empty; wanted a directory';
  // One that a killed process leaves is removed like a backup that was never whole.
  const probe = join(resolve(directory), `.${PRODUCT}-${randomUUID()}${PARTIAL}`);
  try {
    const handle = await open(probe, 'wx', 0o600);
    await handle.close();
    await rm(probe, { force: true });
    return null;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!WRONG.has(code)) return null;
    const told = await tellWriting(error, directory);
    const why = told instanceof BackupError ? told.message : String(error);
    return `${why.replace(`${directory}: `, '')}; wanted a directory that files can be written to`;
  }
}
