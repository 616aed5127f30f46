import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './sources.js';

export type RedisBinary = {
  readonly path: string;
  /** Where its shared libraries are, when it isn't installed. */
  readonly libraryPath: string | undefined;
};

const run = promisify(execFile);
const CACHE = join(root, 'node_modules', '.cache', 'redis-server');
const APT = ['-qq', '-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=30'];
const APT_TIMEOUT_MS = 240_000;
const inCi = !['', '0', 'false'].includes(process.env.CI ?? '');

/**
 * A redis-server, or undefined after saying so. Where none is installed, Debian's package and those
 * libraries that are missing are unpacked into the cache: installing would start a server here.
 *
 * @throws Error where CI is set: what isn't tested there isn't tested at all
 */
export async function findRedisServer(): Promise<RedisBinary | undefined> {
  const found = installed() ?? unpacked() ?? ((await fetchPackage()) ? unpacked() : undefined);
  if (found !== undefined) return found;
  const advice =
    'redis-server is not here and could not be fetched: install Debian\'s "redis-server"';
  if (inCi) throw new Error(advice);
  console.warn(`\n!!! SKIPPED: tests on Redis. ${advice}\n`);
  return undefined;
}

function installed(): RedisBinary | undefined {
  const path = inPath('redis-server');
  return path === undefined ? undefined : { path, libraryPath: undefined };
}

function unpacked(): RedisBinary | undefined {
  const path = join(CACHE, 'usr', 'bin', 'redis-server');
  if (!existsSync(path)) return undefined;
  const libraries = join(CACHE, 'usr', 'lib');
  const directories = existsSync(libraries)
    ? readdirSync(libraries).map((name) => join(libraries, name))
    : [];
  return { path, libraryPath: directories.join(delimiter) };
}

async function fetchPackage(): Promise<boolean> {
  if (inPath('apt-get') === undefined || inPath('dpkg-deb') === undefined) return false;
  mkdirSync(join(CACHE, '..'), { recursive: true });
  const work = mkdtempSync(`${CACHE}-`);
  try {
    mkdirSync(join(work, 'archives', 'partial'), { recursive: true });
    // Without root the package lists can't be refreshed, but those at hand may do.
    if (userInfo().uid === 0) await apt(['update']);
    await apt(['install', '--download-only', '--yes', ...into(work), 'redis-server']);
    const archives = readdirSync(join(work, 'archives')).filter((file) => file.endsWith('.deb'));
    for (const file of archives) {
      await run('dpkg-deb', ['-x', join(work, 'archives', file), join(work, 'unpacked')]);
    }
    // Two runs may get here at once; whoever is second finds it done.
    if (!existsSync(CACHE)) renameSync(join(work, 'unpacked'), CACHE);
    return true;
  } catch (error) {
    console.warn(`redis-server could not be fetched: ${String(error)}`);
    return false;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const into = (work: string): string[] => [
  '--no-install-recommends',
  ...['-o', `Dir::Cache::archives=${join(work, 'archives')}`],
  ...['-o', 'Debug::NoLocking=1', '-o', 'APT::Sandbox::User=root'],
];

const apt = (args: readonly string[]) =>
  run('apt-get', [...APT, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: APT_TIMEOUT_MS,
  });

const inPath = (program: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, program))
    .find((path) => existsSync(path));
