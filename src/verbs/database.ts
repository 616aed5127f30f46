import type { Pool } from 'pg';
import type { SettingName } from '../config/settings.js';
import { type Config, readSettings } from '../config.js';
import { createPool } from '../database/pool.js';
import { explainTakenId } from '../database/sequence-queries.js';
import { readSyncState } from '../health/sync-state.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './terminal.js';

/** A verb asks one thing after another, and one more connection lets it watch itself. */
const CONNECTIONS_MAX = 2;

type Connected<N extends SettingName> = {
  readonly pool: Pool;
  readonly settings: Readonly<Pick<Config, N | 'databaseUrl' | 'databaseDirectUrl'>>;
};

/** Opens the database for one verb, with the settings it needs beside it, and closes it whatever happens. */
export async function withDatabase<N extends SettingName, T>(
  terminal: Terminal,
  names: readonly N[],
  work: (connected: Connected<N>) => Promise<T>,
): Promise<T> {
  const settings = readSettings(terminal.environment, [
    'databaseUrl',
    'databaseDirectUrl',
    ...names,
  ] as const);
  const url = settings.databaseUrl.reveal();
  const pool = createPool({
    url,
    connectionsMax: CONNECTIONS_MAX,
    applicationName: 'teller verb',
    behindPooler: settings.databaseDirectUrl.reveal() !== url,
    onIdleError: () => undefined,
  });
  try {
    return await work({ pool, settings });
  } catch (error) {
    throw await explainDatabase(pool, error);
  } finally {
    await pool.end();
  }
}

const CONTROL = 'select 1 from payout_control';

/** What another hand did to the database, in words, where that is why a verb failed. */
export async function explainDatabase(pool: Pool, error: unknown): Promise<unknown> {
  const told = await explainTakenId(pool, error).catch(() => error);
  const isLost = told instanceof Error && told.message.startsWith('payout_control ');
  if (!isLost) return told;
  const found = await pool.query(CONTROL).catch(() => null);
  if (found === null || found.rows.length > 0) return told;
  return new BrokenDatabase(
    'the table payout_control has lost its only row, without which nobody knows whether payouts are paused ' +
      'or held: nothing is paid. Stop every instance and restore the last backup into an empty database, ' +
      'or put the row back with a hold, so that a person decides: `insert into payout_control (held_at, ' +
      "hold_reason) values (now(), 'its row was deleted')`",
    { cause: error },
  );
}

/** Another hand changed it; the message says what and what to do. */
export class BrokenDatabase extends Error {
  override readonly name = 'BrokenDatabase';
}

/** An address of the wrong network would be watched for ever in vain. */
export async function refuseOtherNetwork(
  pool: Pool,
  settings: Pick<Config, 'network' | 'partitionId'>,
): Promise<void> {
  const state = await readSyncState(pool, settings.partitionId);
  if (state === null || state.network === settings.network.name) return;
  throw new UsageError(
    `NETWORK: given ${settings.network.name}, but this database follows ${state.network}`,
  );
}
