import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { LEADER_LOCK_CLASS, LOCK_SESSION, leaderSession } from './leader-session.js';

/**
 * Who leads a partition: whoever's session holds its advisory lock. The lock only keeps instances from
 * getting into each other's way; what keeps the books safe is the fence in every write.
 */
export type LeaderLock = {
  /** Aborted, with the reason, as soon as the session that holds the lock is gone. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
};

/** Class and number of a session-level advisory lock. */
type LockKey = readonly [lockClass: number, partitionId: number];

const RETRY_MS = 1_000;
const PING_EVERY_MS = 2_000;
/** Below the session's idle time-out: who can't ping that long must not believe that it leads. */
const PING_MS_MAX = 8_000;

/**
 * A frozen process' kernel goes on answering keepalives, so only the idle time-out frees its lock;
 * a host that lost power answers none.
 */
const SESSION_SETTINGS = `
  select set_config('idle_session_timeout', '10s', false),
         set_config('tcp_keepalives_idle', '3', false),
         set_config('tcp_keepalives_interval', '2', false),
         set_config('tcp_keepalives_count', '3', false)`;
const TRY_LOCK = 'select pg_try_advisory_lock($1, $2) as locked';
/** Through a pooler in transaction mode the next statement may run in another session: ask for proof. */
const HOLDS_LOCK = `
  select 1 from pg_locks
   where locktype = 'advisory' and pid = pg_backend_pid() and granted
     and classid = $1::int::oid and objid = $2::int::oid and objsubid = 2
     and database = (select oid from pg_database where datname = current_database())`;

/** What a lock is for: leading, by whom, or another office. */
export type Office = { readonly verb: string } | { readonly lockClass: number };

/** Waits until this process holds that office. Rejects only when the signal aborts. */
export async function waitForLeadership(
  connectionString: string,
  partitionId: number,
  signal: AbortSignal,
  office: Office,
): Promise<LeaderLock> {
  const leads = 'verb' in office;
  const key: LockKey = [leads ? LEADER_LOCK_CLASS : office.lockClass, partitionId];
  const session = leads ? leaderSession(office.verb, process.pid, hostname()) : LOCK_SESSION;
  for (;;) {
    signal.throwIfAborted();
    const client = await openLockSession(connectionString, session);
    const lock = client === null ? null : await pollForLock(client, key, signal);
    if (lock !== null) return lock;
    await sleep(RETRY_MS, undefined, { signal });
  }
}

async function openLockSession(
  connectionString: string,
  session: string,
): Promise<pg.Client | null> {
  const client = new pg.Client({
    connectionString,
    keepAlive: true,
    connectionTimeoutMillis: PING_MS_MAX,
    query_timeout: PING_MS_MAX,
    application_name: session,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(SESSION_SETTINGS);
    return client;
  } catch {
    await client.end().catch(() => undefined);
    return null;
  }
}

/** Null when the session broke while it was waiting. */
async function pollForLock(
  client: pg.Client,
  key: LockKey,
  signal: AbortSignal,
): Promise<LeaderLock | null> {
  try {
    for (;;) {
      signal.throwIfAborted();
      const { rows } = await client.query<{ locked: boolean }>(TRY_LOCK, [...key]);
      if (rows[0]?.locked === true) return hold(client, key);
      await sleep(RETRY_MS, undefined, { signal });
    }
  } catch {
    await client.end().catch(() => undefined);
    signal.throwIfAborted();
    return null;
  }
}

function hold(client: pg.Client, key: LockKey): LeaderLock {
  const losing = new AbortController();
  let pinging = false;
  const lose = (reason: string): void => {
    clearInterval(pulse);
    if (!losing.signal.aborted) losing.abort(new Error(reason));
  };
  const pulse = setInterval(() => {
    if (pinging) return;
    pinging = true;
    client
      .query(HOLDS_LOCK, [...key])
      .then(({ rowCount }) => {
        pinging = false;
        if (rowCount !== 1) {
          lose(
            'the lock is not held by the session that took it: DATABASE_URL is a pooler in transaction ' +
              'mode; set DATABASE_DIRECT_URL',
          );
        }
      })
      .catch((error: unknown) => lose(`the lock's session doesn't answer: ${String(error)}`));
  }, PING_EVERY_MS);
  client.on('error', (error) => lose(`the lock's session failed: ${error.message}`));
  client.on('end', () => lose("the lock's session ended"));
  return {
    lost: losing.signal,
    release: async () => {
      clearInterval(pulse);
      // Ending the session frees the lock, whatever state it is in.
      await client.end().catch(() => undefined);
    },
  };
}
