import type { Pool } from 'pg';
import type { SettingName } from '../config/settings.js';
import { type Config, isGiven, readSettings } from '../config.js';
import { createPool } from '../database/pool.js';
import { explainTakenId } from '../database/sequence-queries.js';
import { readSyncState } from '../health/sync-state.js';
import { explainOlderSchema } from './older-schema.js';
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
    const taken = await explainTakenId(pool, error).catch(() => error);
    throw await explainOlderSchema(settings, taken);
  } finally {
    await pool.end();
  }
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

/** For a verb that reads all partitions of whatever network: only what is set can be wrong. */
export async function refuseNetworkGiven(
  pool: Pool,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  if (!isGiven(environment, 'network')) return;
  await refuseOtherNetwork(pool, readSettings(environment, ['network', 'partitionId']));
}
