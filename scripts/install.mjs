import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runStep } from './steps.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs `npm ci` unless what is installed is exactly what package-lock.json asks for. */
export async function installMissing() {
  if (isInstalled()) return;
  const npm = process.env.npm_execpath;
  const flags = ['ci', '--no-fund', '--no-audit'];
  await (npm?.endsWith('.js')
    ? runStep('install', process.execPath, [npm, ...flags])
    : runStep('install', 'npm', flags));
}

/**
 * Compares contents, not times: a checkout or an unpacked archive gives files any time. npm writes
 * what it installed into a lock file of its own; packages for other platforms are absent from it.
 */
function isInstalled() {
  const installed = packagesOf(`${root}/node_modules/.package-lock.json`);
  const wanted = packagesOf(`${root}/package-lock.json`);
  return Object.entries(wanted).every(
    ([path, { version, optional, devOptional }]) =>
      path === '' ||
      (installed[path] === undefined
        ? optional === true || devOptional === true
        : installed[path].version === version),
  );
}

const packagesOf = (file) =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')).packages ?? {}) : {};
