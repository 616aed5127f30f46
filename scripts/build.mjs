/**
 * `npm run build`: src into dist. Compiled beside dist and then moved over file by file, and only what
 * differs: a run that already uses dist, a demo beside a test, never meets half a file, and what was
 * deleted from src doesn't live on in dist.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const ABANDONED_AFTER_MS = 10 * 60_000;
removeAbandoned();
// Beside dist, so that source maps point to src from the same depth, and a rename is atomic.
const fresh = mkdtempSync(join(root, '.dist-'));
// Ctrl-C ends the compiler too; we stay for what follows it.
process.on('SIGINT', () => undefined);
try {
  process.exitCode = compile();
  if (process.exitCode === 0) publish();
} finally {
  rmSync(fresh, { recursive: true, force: true });
}

/** What a build that was killed has left; one of another process at work is younger. */
function removeAbandoned() {
  for (const name of readdirSync(root).filter((entry) => entry.startsWith('.dist-'))) {
    const path = join(root, name);
    const ageMs = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (ageMs > ABANDONED_AFTER_MS) rmSync(path, { recursive: true, force: true });
  }
}

function compile() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const flags = ['-p', join(root, 'tsconfig.build.json'), '--outDir', fresh];
  return spawnSync(process.execPath, [tsc, ...flags], { cwd: root, stdio: 'inherit' }).status ?? 1;
}

function publish() {
  const built = new Set(filesIn(fresh));
  for (const file of built) {
    const target = join(dist, file);
    if (existsSync(target) && readFileSync(target).equals(readFileSync(join(fresh, file))))
      continue;
    mkdirSync(dirname(target), { recursive: true });
    // The package's `bin`; npm sets its mode where it installs the package, and not for ourselves.
    if (file === 'cli.js') chmodSync(join(fresh, file), 0o755);
    renameSync(join(fresh, file), target);
  }
  for (const file of filesIn(dist)) if (!built.has(file)) rmSync(join(dist, file), { force: true });
}

function filesIn(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
}
