import { constants, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { PrivateKey } from '@dcspark/cardano-multiplatform-lib-nodejs';
import { ConfigError } from '../../config.js';
import { parseKey } from './key-formats.js';

/** Far more than any key file; it keeps a wrong path from filling the memory. */
const FILE_BYTES_MAX = 8192;
const READABLE_BY_OTHERS = 0o077;

/**
 * The key in a file that only its owner can read. The text itself stays in the process' heap until the
 * garbage collector takes it, because strings can't be wiped; that is why dumps are turned off first.
 *
 * @param setting what to call the file's place in a problem: SIGNER, --key
 * @throws ConfigError which quotes nothing of the file
 */
export async function readKey(path: string, setting: string): Promise<PrivateKey> {
  const fail = (problem: string) => new ConfigError([`${setting}: ${path} ${problem}`]);
  forbidDumps();
  let file: FileHandle;
  try {
    // Not to wait for the other end, should it be a pipe.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no reason';
    throw fail(`can't be opened (${code})`);
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw fail('is no file');
    if ((stats.mode & READABLE_BY_OTHERS) !== 0) {
      const mode = (stats.mode & 0o777).toString(8).padStart(3, '0');
      throw fail(`is open to others than its owner (mode ${mode}): run chmod 600 on it`);
    }
    if (stats.size > FILE_BYTES_MAX) throw fail(`has ${stats.size} bytes, which no key file has`);
    const parsed = await parseFile(file);
    if (!parsed.ok) throw fail(parsed.problem);
    return parsed.key;
  } finally {
    await file.close();
  }
}

async function parseFile(file: FileHandle) {
  const bytes = Buffer.alloc(FILE_BYTES_MAX);
  try {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return parseKey(bytes.toString('utf8', 0, bytesRead));
  } finally {
    bytes.fill(0);
  }
}

/**
 * A core dump or diagnostic report of this process would carry the key, or the secrets that came in the
 * environment, to wherever dumps are collected. As far as the platform lets us; elsewhere `ulimit -c 0`.
 */
function forbidDumps(): void {
  try {
    // Of no kind of memory anything is dumped: core(5).
    writeFileSync('/proc/self/coredump_filter', '0');
  } catch {
    // Not Linux, or a sandbox that hides /proc.
  }
  // Node 22.13 and later.
  Reflect.set(process.report, 'excludeEnv', true);
}
