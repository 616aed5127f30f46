import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BackupError } from './backup-error.js';
import { checksumFile, checksumLine } from './read-archive.js';

/** Of a file that isn't whole yet, or never will be: its writer was killed. */
export const PARTIAL = '.partial';

type Written = { readonly bytes: number; readonly sha256: string };

/**
 * Writes a file that is there whole and verified, or not at all: under another name first, flushed to
 * the disk, read back, and only then renamed.
 *
 * @param verify throws where what was written can't be read back
 */
export async function writeInPlace(
  directory: string,
  name: string,
  write: (handle: FileHandle) => Promise<Written>,
  verify: (file: string) => Promise<void>,
  signal?: AbortSignal,
): Promise<Written & { readonly file: string }> {
  const file = join(directory, name);
  const partial = join(directory, `.${name}${PARTIAL}`);
  const handle = await open(partial, 'wx', 0o600).catch(async (error: unknown) => {
    throw await tellWriting(error, directory);
  });
  try {
    const written = await write(handle).finally(() => handle.close());
    await compare(partial, written.sha256, signal);
    await verify(partial);
    signal?.throwIfAborted();
    await writeFile(checksumFile(file), checksumLine(file, written.sha256), {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    });
    await rename(partial, file);
    await flushDirectory(directory);
    return { ...written, file };
  } catch (error) {
    await rm(partial, { force: true });
    await rm(checksumFile(file), { force: true });
    throw await tellWriting(error, directory);
  }
}

async function compare(partial: string, sha256: string, signal?: AbortSignal): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(partial), hash, signal === undefined ? {} : { signal });
  if (hash.digest('hex') === sha256) return;
  throw new BackupError(
    'what was written reads back as something else: the disk can not be relied on; write to another one',
    'file',
  );
}

/** So that the new name survives a power cut too. */
async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  await handle.sync().finally(() => handle.close());
}

/** /proc and its like answer as if the directory itself weren't there. */
const NO_FILES = 'is there, but no file can be made in it: name another directory';
const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such directory: make it first, for the user that teller runs as',
  ENOTDIR: "isn't a directory",
  EACCES: 'the user that teller runs as may not write there',
  EPERM: 'the user that teller runs as may not write there',
  EROFS: 'is on a file system that is read only',
  ENOSPC: 'no space is left there: make room, or name another directory; nothing was left behind',
  EDQUOT: 'the quota is used up: make room, or name another directory; nothing was left behind',
  EFBIG: 'the file would be larger than is allowed there; nothing was left behind',
};

/** What to do about it, where that is known. */
export async function tellWriting(error: unknown, directory: string): Promise<unknown> {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const isThere = code === 'ENOENT' && (await stat(directory).catch(() => null)) !== null;
  const advice = isThere ? NO_FILES : ADVICE[code];
  return advice === undefined
    ? error
    : new BackupError(`${directory}: ${advice} (${code})`, 'file');
}
