import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PG_MIGRATE_LOCK_ID, runner } from 'node-pg-migrate';
import type { ClientBase } from 'pg';
import { createSession } from './pool.js';

/**
 * Which schema this code was written for. A migration that takes something away raises
 * `schema_compatibility.oldest_code` to the first version that does without it.
 */
export const CODE_VERSION = 4;

/** The database can't be used with this version of the code; the message says which side to upgrade. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

const MIGRATIONS_TABLE = 'teller_migrations';
/** The same place from src/database and from dist/database. */
const DIRECTORY = fileURLToPath(new URL('../../migrations', import.meta.url));

/** Another instance may be in the middle of a long migration: wait for it. */
const INSTANCE_WAIT_MS = 30 * 60_000;
/**
 * A change of a table waits for whoever reads it, and everybody else queues behind the change. So each
 * wait is short and begins again: the worker goes on in between.
 */
const TABLE_WAIT_MS = 5_000;
const TABLE_ATTEMPTS_MAX = 24;
const PAUSE_BETWEEN_ATTEMPTS_MS = 1_000;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Brings the schema up to date and returns the names of what was applied. Safe to call from any
 * number of instances at once: they take turns.
 *
 * @param url a session-mode connection: behind a transaction pooler the lock would be held by nobody
 */
export async function migrate(url: string): Promise<readonly string[]> {
  return withSession(url, async (session) => {
    // The time-out for this one wait only; it would count for the advisory lock too.
    await session.query(`set lock_timeout = ${INSTANCE_WAIT_MS}`);
    await session.query('select pg_advisory_lock($1)', [PG_MIGRATE_LOCK_ID]);
    await session.query(`set lock_timeout = ${TABLE_WAIT_MS}`);
    await refuseNewerSchema(session);
    return applyWithPatience(session);
  });
}

/** Names of the migrations that `migrate` would apply. @throws SchemaError where the schema is too new */
export async function pendingMigrations(url: string): Promise<readonly string[]> {
  return withSession(url, async (session) => {
    await refuseNewerSchema(session);
    const applied = new Set(await appliedMigrations(session));
    return knownMigrations().filter((name) => !applied.has(name));
  });
}

export const knownMigrations = (): readonly string[] =>
  readdirSync(DIRECTORY)
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .sort();

async function withSession<T>(url: string, work: (session: ClientBase) => Promise<T>): Promise<T> {
  const session = createSession(url, 'teller migrate');
  // A connection that breaks between two queries says so here; the next query says it again.
  session.on('error', () => undefined);
  await session.connect();
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}

async function applyWithPatience(session: ClientBase): Promise<readonly string[]> {
  const { rows } = await session.query<{ schema: string }>('select current_schema() as schema');
  const schema = rows[0]?.schema ?? 'public';
  // Each migration commits by itself, so an attempt that fails may have got on.
  const before = new Set(await appliedMigrations(session));
  for (let attempt = 1; ; attempt += 1) {
    try {
      await runPending(session, schema);
      return (await appliedMigrations(session)).filter((name) => !before.has(name));
    } catch (error) {
      const busy = error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE;
      if (!busy || attempt === TABLE_ATTEMPTS_MAX) throw error;
      await sleep(PAUSE_BETWEEN_ATTEMPTS_MS);
    }
  }
}

async function runPending(session: ClientBase, schema: string): Promise<void> {
  await runner({
    dbClient: session,
    dir: DIRECTORY,
    direction: 'up',
    migrationsTable: MIGRATIONS_TABLE,
    migrationsSchema: schema,
    // Taken above, with a wait of its own.
    noLock: true,
    log: () => undefined,
  });
}

const MIGRATIONS_TABLE_EXISTS = `select to_regclass('${MIGRATIONS_TABLE}') is not null as exists`;
const APPLIED = `select name from ${MIGRATIONS_TABLE} order by id`;
const OLDEST_CODE = 'select oldest_code from schema_compatibility';

async function appliedMigrations(session: ClientBase): Promise<readonly string[]> {
  const { rows: found } = await session.query<{ exists: boolean }>(MIGRATIONS_TABLE_EXISTS);
  if (found[0]?.exists !== true) return [];
  const { rows } = await session.query<{ name: string }>(APPLIED);
  return rows.map((row) => row.name);
}

/** An older instance may run beside a newer schema as long as every migration since allows it. */
async function refuseNewerSchema(session: ClientBase): Promise<void> {
  const known = new Set(knownMigrations());
  const unknown = (await appliedMigrations(session)).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  const { rows } = await session.query<{ oldest_code: number }>(OLDEST_CODE);
  const oldest = rows[0]?.oldest_code ?? 0;
  if (oldest <= CODE_VERSION) return;
  throw new SchemaError(
    `the database's schema is newer than this version of teller (it has ${unknown.join(', ')} and ` +
      `needs code ${oldest}, this is ${CODE_VERSION}): upgrade teller, or restore a backup of before`,
  );
}
