import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/sources.js';

/** What `npm test` has built already; built here where somebody runs these tests alone. */
export function builtProgram(): string {
  if (newestIn('dist', '.js') < newestIn('src', '.ts')) {
    execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  }
  return join(root, 'dist/cli.js');
}

/** Milliseconds since 1970; 0 where there is nothing. A build leaves alone what came out the same. */
function newestIn(folder: string, ending: string): number {
  const path = join(root, folder);
  if (!existsSync(path)) return 0;
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending) && !name.endsWith('.test.ts'))
    .reduce((newest, name) => Math.max(newest, statSync(join(path, name)).mtimeMs), 0);
}
