import {
  assertSchemaCompatibility,
  createPostgresBackend,
  isPgPool,
  LATEST_SCHEMA_VERSION,
  runMigrations,
  SchemaMigrationRequiredError,
} from 'bullmq';
import pg from 'pg';
import type { Secret } from '../../config/secret.js';
import { createLink, type QueueBackend, type QueueLink } from './queue-link.js';

/** BullMQ's tables have a schema of their own: neither our migrations nor our backups know them. */
const SCHEMA = 'bullmq';
const APPLICATION_NAME = 'chain-teller-queue';
/** The worker listens on one, and fetches and checks for stalled jobs on others. */
const CONNECTIONS_MAX = 3;
const CONNECT_TIMEOUT_MS = 2_000;
const QUERY_TIMEOUT_MS = 5_000;
const KEEPALIVE_AFTER_MS = 5_000;

/** @param url of the database itself: through a pooler in transaction mode LISTEN hears nothing */
export function createPostgresQueueBackend(url: Secret): QueueBackend {
  let prepared = false;
  return {
    name: 'postgresql',
    connect: async () => {
      if (!prepared) await prepareQueueTables(url);
      prepared = true;
      return connect(url);
    },
    problems: async () => {
      await prepareQueueTables(url);
      return [];
    },
  };
}

/**
 * Makes BullMQ's tables, or brings them up to date. Where they are, rights in their schema suffice.
 * Instances that start together wait for each other.
 */
export async function prepareQueueTables(url: Secret): Promise<void> {
  const session = new pg.Client({
    connectionString: url.reveal(),
    application_name: APPLICATION_NAME,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  session.on('error', () => undefined);
  try {
    await session.connect();
    if ((await tablesVersion(session)) < LATEST_SCHEMA_VERSION) {
      await runMigrations(session, SCHEMA);
    }
  } finally {
    await session.end().catch(() => undefined);
  }
}

async function tablesVersion(session: pg.Client): Promise<number> {
  try {
    return await assertSchemaCompatibility(session, SCHEMA);
  } catch (error) {
    if (error instanceof SchemaMigrationRequiredError) return 0;
    throw error;
  }
}

function connect(url: Secret): QueueLink {
  const clients = new Set<pg.PoolClient>();
  const pool = new pg.Pool({
    ...inSchema(url.reveal()),
    max: CONNECTIONS_MAX,
    application_name: APPLICATION_NAME,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_AFTER_MS,
  });
  pool.on('error', () => undefined);
  pool.on('remove', (client) => clients.delete(client));
  pool.on('connect', (client) => clients.add(client));
  // The two packages' types of it differ in how they write overloads.
  if (!isPgPool(pool)) throw new Error('pg gave a pool that is none');
  return createLink(createPostgresBackend, pool, () => {
    if (!pool.ending) pool.end().catch(() => undefined);
    for (const client of clients) {
      // With a query under way it doesn't say goodbye, it breaks the socket.
      if (client instanceof pg.Client) client.end().catch(() => undefined);
    }
  });
}

/** BullMQ's statements name no schema. What the URL says about options would replace ours: both hold. */
function inSchema(url: string): { connectionString: string; options: string } {
  const address = new URL(url);
  const own = address.searchParams.get('options');
  address.searchParams.delete('options');
  const path = `-c search_path=${SCHEMA}`;
  return { connectionString: address.href, options: own === null ? path : `${own} ${path}` };
}
