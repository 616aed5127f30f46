import type { Config } from '../config.js';
import { knownMigrations, pendingMigrations, SchemaError } from '../database/migrate.js';
import { UsageError } from './terminal.js';

type Settings = Readonly<Pick<Config, 'databaseDirectUrl'>>;

/** A table, a column or a function that isn't there. */
const LACKING = new Set(['42P01', '42703', '42883']);

/** @throws UsageError where migrations are pending: who leads writes what the newest of them brought */
export async function refuseOlderSchema({ databaseDirectUrl }: Settings): Promise<void> {
  const pending = await pendingMigrations(databaseDirectUrl.reveal());
  if (pending.length > 0) throw new UsageError(tellPending(pending));
}

/** What to say instead of an error about something that isn't there, where a migration brings it. */
export async function explainOlderSchema(settings: Settings, error: unknown): Promise<unknown> {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!LACKING.has(code)) return error;
  return refuseOlderSchema(settings).then(
    () => error,
    // Where even that can't be asked, the first error says more.
    (told: unknown) => (told instanceof UsageError || told instanceof SchemaError ? told : error),
  );
}

const tellPending = (pending: readonly string[]): string =>
  pending.length === knownMigrations().length
    ? 'DATABASE_URL: the database has no schema of teller yet: run `teller migrate`'
    : `DATABASE_URL: the schema is that of an older version of teller, with migrations pending ` +
      `(${pending.join(', ')}): run \`teller migrate\``;
