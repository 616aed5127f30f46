import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { root } from './install.mjs';

const CACHE = join(root, 'node_modules', '.cache', 'promtool');
const APT = ['-qq', '-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=30'];
const APT_TIMEOUT_MS = 240_000;

/**
 * Path of a promtool, or undefined. Where none is installed it is taken out of Debian's package
 * `prometheus` into the cache: installing that package would start a monitoring server here.
 */
export function findPromtool() {
  const cached = join(CACHE, 'usr', 'bin', 'promtool');
  const found = [
    ...(process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, 'promtool')),
    cached,
  ].find((path) => existsSync(path));
  if (found !== undefined) return found;
  if (!has('apt-get') || !has('dpkg-deb')) return undefined;
  return download() && existsSync(cached) ? cached : undefined;
}

function download() {
  mkdirSync(join(CACHE, '..'), { recursive: true });
  const work = mkdtempSync(`${CACHE}-`);
  try {
    // Without root the package lists can't be refreshed, but those at hand may do.
    if (userInfo().uid === 0) apt(work, ['update']);
    apt(work, ['-o', 'APT::Sandbox::User=root', 'download', 'prometheus']);
    const archive = readdirSync(work).find((file) => file.endsWith('.deb'));
    if (archive === undefined) return false;
    const unpacked = join(work, 'unpacked');
    execFileSync('dpkg-deb', ['-x', join(work, archive), unpacked]);
    // Two runs may get here at once; whoever is second finds it done.
    if (!existsSync(CACHE)) renameSync(unpacked, CACHE);
    return true;
  } catch (error) {
    console.warn(`promtool could not be fetched: ${error.message}`);
    return false;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const apt = (cwd, args) =>
  execFileSync('apt-get', [...APT, ...args], {
    cwd,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: APT_TIMEOUT_MS,
  });

const has = (program) =>
  (process.env.PATH ?? '').split(delimiter).some((dir) => existsSync(join(dir, program)));
