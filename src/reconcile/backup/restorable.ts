import { knownMigrations } from '../../database/migrate.js';
import type { Queryable } from '../../database/transaction.js';
import { PAYER_LOCK_CLASS } from '../../payouts/paying/run-payer.js';
import { LEADER_LOCK_CLASS } from '../../sync/leader-session.js';
import { BackupError } from './backup-error.js';
import { TABLE_POLICIES, tablesOf } from './backup-sets.js';
import { hasRows, readMigrations, readTables, type Table } from './catalog-queries.js';
import type { Manifest } from './manifest.js';
import { isFreshControl, isHeldByRestore, readWorkers, tryLock } from './restore-queries.js';

/** What no database can help: the backup is of something else. @throws BackupError */
export function refuseForeign(manifest: Manifest, file: string, network: string): void {
  if (manifest.network !== network) {
    throw new BackupError(
      `NETWORK: given ${network}, but ${file} is a backup of ${manifest.network}`,
      'setting',
    );
  }
  const known = knownMigrations();
  const { migrations, version } = manifest;
  const unknown = migrations.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new BackupError(
      `${file}: its schema is newer than this version of teller (${unknown.join(', ')}): restore it with teller ${version} or a later one`,
      'file',
    );
  }
  const missing = known.filter((name) => !migrations.includes(name));
  if (missing.length === 0) return refuseOtherTables(manifest, file);
  throw new BackupError(
    `${file}: its schema is older than this version of teller (it lacks ${missing.join(', ')}): restore it with teller ${version}, which wrote it, and then run \`teller migrate\` of this version`,
    'file',
  );
}

/** Without one of them the rest would be taken for all there was. @throws BackupError */
function refuseOtherTables({ set, tables }: Manifest, file: string): void {
  const wanted = tablesOf(set).map(({ name }) => name);
  const named = tables.map(({ name }) => name);
  const lacking = wanted.filter((name) => !named.includes(name));
  const strange = named.filter((name, at) => !wanted.includes(name) || named.indexOf(name) !== at);
  if (lacking.length + strange.length === 0) return;
  const differs = [
    ...lacking.map((name) => `it lacks ${name}`),
    ...strange.map((name) => `it has ${name} too much`),
  ];
  throw new BackupError(
    `${file}: its manifest's tables aren't those of a backup of the set ${set} (${differs.join(', ')}): ` +
      'somebody changed it; take another backup',
    'file',
  );
}

/** Only a database without a schema is migrated: one with somebody else's tables isn't ours to fill. */
export async function isWithoutSchema(db: Queryable): Promise<boolean> {
  if ((await readMigrations(db)).length > 0) return false;
  const tables = await readTables(db);
  if (tables.length === 0) return true;
  throw new BackupError(
    `the database at DATABASE_URL isn't empty: it has tables that aren't teller's (${listed(tables)}); name an empty one`,
    'database',
  );
}

/** Nobody may write what is being restored; while the session lasts, nobody begins to. */
export async function refuseLiveWorker(db: Queryable, manifest: Manifest): Promise<void> {
  const partitions = new Set([0, ...manifest.points.map(({ partitionId }) => partitionId)]);
  for (const partition of partitions) {
    for (const [lockClass, does] of LOCKS) {
      if (await tryLock(db, lockClass, partition)) continue;
      if (await isHeldByRestore(db, lockClass, partition)) {
        throw new BackupError(
          'another restore is filling the database at DATABASE_URL: wait for its end, or name another empty database',
          'database',
        );
      }
      throw new BackupError(
        `a worker ${does} on the database at DATABASE_URL: stop it, and name an empty database`,
        'database',
      );
    }
  }
  const workers = await readWorkers(db);
  if (workers.length === 0) return;
  throw new BackupError(
    `a worker is connected to the database at DATABASE_URL (${workers.join(', ')}): stop it first`,
    'database',
  );
}

const LOCKS = [
  [LEADER_LOCK_CLASS, 'leads'],
  [PAYER_LOCK_CLASS, 'pays'],
] as const;

/** The database has the backup's schema, and nothing in it. Answers its tables. @throws BackupError */
export async function refuseUsed(db: Queryable, manifest: Manifest): Promise<readonly Table[]> {
  const applied = await readMigrations(db);
  if (applied.join() !== manifest.migrations.join()) {
    throw new BackupError(
      `the database's schema isn't the backup's: it has ${applied.join(', ')}; name an empty database, which is brought to it`,
      'database',
    );
  }
  const tables = await readTables(db);
  const used: Table[] = [];
  for (const table of tables) if (await isUsed(db, table.name)) used.push(table);
  if (used.length > 0) {
    throw new BackupError(
      `the database at DATABASE_URL isn't empty: there are rows in ${listed(used)}; nothing was changed. Name an empty or a freshly migrated one: a restore never overwrites`,
      'database',
    );
  }
  for (const { name, columns } of manifest.tables) {
    const there = tables.find((table) => table.name === name)?.columns ?? [];
    if (columns.every((column) => there.includes(column))) continue;
    throw new BackupError(`the database's table ${name} isn't that of the backup`, 'database');
  }
  return tables;
}

async function isUsed(db: Queryable, table: string): Promise<boolean> {
  if (table === 'teller_migrations') return false;
  if (table === 'payout_control') return !(await isFreshControl(db));
  if (TABLE_POLICIES[table]?.seeded === true) return false;
  return (await db.query<{ there: boolean }>(hasRows(table))).rows[0]?.there === true;
}

const listed = (tables: readonly Table[]): string => tables.map(({ name }) => name).join(', ');
