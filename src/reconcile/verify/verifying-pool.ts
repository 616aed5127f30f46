import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { createPool, createSession } from '../../database/pool.js';
import { SIDE_BY_SIDE_MAX } from './verify-books.js';

/**
 * Lends connections of their own to a verification: what follows the chain and answers keeps its own.
 * Where the signal aborts it rejects at once, and the
 * server ends what it was still reading.
 *
 * @param url of a session-mode connection
 */
export async function withVerifyingPool<T>(
  url: string,
  signal: AbortSignal,
  work: (pool: Pool) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  // By this name the server's own sessions are found again, and nobody else's.
  const name = `chain-teller verify ${randomUUID()}`;
  const pool = createPool({
    url,
    connectionsMax: SIDE_BY_SIDE_MAX,
    applicationName: name,
    behindPooler: false,
    onIdleError: () => undefined,
  });
  const over = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    const stop = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('verifying was ended'));
      void endSessions(url, name).catch(() => undefined);
    };
    signal.addEventListener('abort', stop, { signal: over.signal });
  });
  try {
    return await Promise.race([work(pool), aborted]);
  } finally {
    over.abort();
    // What is queued finds the pool ended; what runs ends with its session.
    const ended = pool.end();
    if (!signal.aborted) await ended;
  }
}

const END = `
  select pg_terminate_backend(pid) from pg_stat_activity
   where application_name = $1 and pid <> pg_backend_pid()`;

async function endSessions(url: string, name: string): Promise<void> {
  const session = createSession(url, 'chain-teller');
  session.on('error', () => undefined);
  await session.connect();
  try {
    await session.query(END, [name]);
  } finally {
    await session.end();
  }
}
