import { startKeeper } from './keeper.js';
import type { ServerOptions } from './postgres-server.js';

export type EmbeddedPostgres = {
  /** As superuser, into the database `postgres`. The same before and after a restart. */
  readonly url: string;
  /** Immediate shutdown: recovery from the write-ahead log at the next start. */
  stopHard(): Promise<void>;
  /** Starts it again on the same data and port. */
  start(): Promise<void>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
};

/**
 * A real PostgreSQL on 127.0.0.1 with a random password. It ends, and its data is removed, with this
 * process at the latest, also when this process is killed.
 */
export async function startEmbeddedPostgres(options: ServerOptions): Promise<EmbeddedPostgres> {
  const keeper = startKeeper();
  try {
    const url = await keeper.ask({ command: 'create', options });
    return {
      url,
      stopHard: async () => {
        await keeper.ask({ command: 'stopHard' });
      },
      start: async () => {
        await keeper.ask({ command: 'start' });
      },
      close: () => keeper.close(),
    };
  } catch (error) {
    await keeper.close();
    throw error;
  }
}
