import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { afterAll, beforeAll } from 'vitest';
import type { BackupSet } from '../../src/reconcile/backup/backup-sets.js';
import { type BackupReport, makeBackup } from '../../src/reconcile/backup/make-backup.js';
import { openArchive } from '../../src/reconcile/backup/read-archive.js';
import {
  type RestoreProgress,
  type RestoreReport,
  restoreBackup,
} from '../../src/reconcile/backup/restore.js';
import type { TestDatabase } from './test-databases.js';

/** A folder that is gone after the tests of a file. */
export function folderInTests(): { readonly path: string } {
  const folder = { path: '' };
  beforeAll(async () => {
    folder.path = await mkdtemp(join(tmpdir(), 'teller-backups-'));
  });
  afterAll(() => rm(folder.path, { recursive: true, force: true }));
  return folder;
}

export const backUp = (
  { pool, url }: TestDatabase,
  directory: string,
  set: BackupSet = 'all',
  now = new Date(),
): Promise<BackupReport> =>
  makeBackup(
    { pool, url, network: 'preprod', version: '0.0.0', now: () => now },
    set,
    directory,
    () => undefined,
  );

const UNTOLD: RestoreProgress = {
  onBytes: () => undefined,
  onRows: () => undefined,
  onIndexed: () => undefined,
};

export async function restoreInto(
  { url }: Pick<TestDatabase, 'url'>,
  file: string,
  network = 'preprod',
  progress = UNTOLD,
): Promise<RestoreReport> {
  const archive = await openArchive(file);
  const deps = { url, network, actor: 'cli:test', now: () => new Date() };
  return restoreBackup(deps, archive, progress).finally(archive.close);
}

const TABLES = `
  select c.relname as name from pg_class c
   where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace order by 1`;

export const tablesIn = async (pool: Pool): Promise<string[]> =>
  (await pool.query<{ name: string }>(TABLES)).rows.map(({ name }) => name);

/** Each row as PostgreSQL writes it, in an order that is always the same. */
export async function rowsIn(pool: Pool, table: string): Promise<string[]> {
  const { rows } = await pool.query<{ row: string }>(
    `select t::text as row from "${table}" t order by t::text`,
  );
  return rows.map(({ row }) => row);
}
