import pg from 'pg';
import { readableTimes } from './readable-times.js';

export type PoolSettings = {
  readonly url: string;
  readonly connectionsMax: number;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  /**
   * A pooler in transaction mode refuses connections that name session settings at their start, and
   * would hand what is set later on to strangers. So behind one none are sent; its own
   * `idle_transaction_timeout` has to end what a frozen client left open.
   */
  readonly behindPooler: boolean;
  /** Idle connections fail too (a restart, a failover); without a listener that ends the process. */
  readonly onIdleError: (error: Error) => void;
};

const CONNECT_TIMEOUT_MS = 10_000;
const KEEPALIVE_AFTER_MS = 5_000;
/** A client that froze in mid-transaction holds locks that the next leader needs. */
const IDLE_IN_TRANSACTION_MS = 15_000;
/**
 * Most statements are many-sided and short: of tables that were never analysed the planner expects so much that
 * compiling them would take seconds, and running them takes milliseconds. Those that read whole tables, to verify
 * or rebuild, go without it too, so that nothing takes longer for what the planner doesn't know. Transactions say
 * it themselves as well, for those behind a pooler.
 */
const WITHOUT_COMPILING = '-c jit=off';

/** bigint and numeric come out as strings, which is pg's default: as numbers they would be rounded. */
export function createPool(settings: PoolSettings): pg.Pool {
  const ours = settings.behindPooler ? { connectionString: settings.url } : sessionOf(settings.url);
  const pool = new pg.Pool({
    ...ours,
    types: readableTimes,
    max: settings.connectionsMax,
    application_name: settings.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_AFTER_MS,
  });
  pool.on('error', settings.onIdleError);
  return pool;
}

/** What the URL says of sessions counts more than ours. */
function sessionOf(url: string): pg.PoolConfig {
  const inUrl = URL.canParse(url) ? new URL(url).searchParams.get('options') : null;
  const options = `${WITHOUT_COMPILING} ${inUrl ?? ''}`.trimEnd();
  return {
    // Of a parameter that is there twice the last one counts.
    connectionString: inUrl === null ? url : `${url}&options=${encodeURIComponent(options)}`,
    options,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  };
}

/** A connection outside of any pool, for what needs a session of its own. Not connected yet. */
export const createSession = (url: string, applicationName: string): pg.Client =>
  new pg.Client({
    connectionString: url,
    types: readableTimes,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_AFTER_MS,
  });

/** SQLSTATE classes and codes after which the same work, begun again, may succeed. */
const TRANSIENT_CLASSES = new Set(['08', '53']);
const TRANSIENT_CODES = new Set([
  '25006', // read-only: still connected to what was the primary
  '25P03', // idle in transaction for too long
  '40001',
  '40P01',
  '55P03',
  '57P01',
  '57P02',
  '57P03',
  '57P05',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);
/** pg gives these no code; the texts are its own (lib/client.js, pg-pool/index.js). */
const CODELESS = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Client has encountered a connection error and is not queryable',
]);

/** Whether the database or the way to it failed, and not what was asked of it. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  if (code === undefined) return CODELESS.has(error.message);
  return (
    TRANSIENT_CODES.has(code) || (code.length === 5 && TRANSIENT_CLASSES.has(code.slice(0, 2)))
  );
}

/** One line for a person, without the URL: it holds a password. */
export function describeDatabaseError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = codeOf(error);
  // A host with several addresses fails with an AggregateError, whose message is empty.
  const text =
    error.message === '' && error instanceof AggregateError ? joined(error) : error.message;
  return code === undefined || text.includes(code) ? text : `${text} (${code})`;
}

const joined = (error: AggregateError): string =>
  error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join('; ');

const codeOf = (error: Error): string | undefined =>
  'code' in error && typeof error.code === 'string' ? error.code : undefined;
