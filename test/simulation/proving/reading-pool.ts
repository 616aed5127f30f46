import type pg from 'pg';
import type { World } from '../state.js';

/** What runs, jobs and rebuilds note of themselves. */
const NOTES = [
  'address_checks',
  'chain_jobs',
  'rebuild_candidates',
  'rebuild_outputs',
  'rebuild_spends',
  'reconciliation_discrepancies',
  'reconciliation_runs',
];

/** Of what was found events tell as well. */
const UNLIKE_FINDINGS = "t.type not like 'reconciliation.%'";

/** Whoever shows that he leads leaves the time. */
const WITHOUT_THE_FENCE = "(to_jsonb(t) - 'updated_at')::text";

const TABLES = `
  select table_name as name from information_schema.tables
   where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> all($1) order by 1`;

const WRITES = /\b(insert|update|delete|truncate|merge)\b/i;
const READ_ONLY = /^set transaction .*read only/;

type Digest = Readonly<Record<string, string>>;
type Ask = (text: string) => Promise<{ readonly rows: readonly Digest[] }>;

/**
 * The database for who only reads: whatever lasts of its statements is held against all tables but those of its
 * notes, as they were the moment before.
 */
export function readingPool(world: World): pg.Pool {
  const real = world.pool;
  let digest: Promise<string> | null = null;
  const digestOf = async (ask: Ask): Promise<Digest> => {
    digest ??= digestStatement(real);
    return (await ask(await digest)).rows[0] ?? {};
  };
  const outside = (): Promise<Digest> => digestOf((text) => real.query<Digest>(text));
  const expectSame = (before: Digest, after: Digest, by: string): void => {
    const changed = Object.keys(after).filter((table) => before[table] !== after[table]);
    if (changed.length > 0) {
      world.failure ??= new Error(`what only reads changed ${changed.join()} by ${by}`);
    }
    world.tally.readingsHeld += 1;
  };
  const query = async (text: string, values?: unknown[]) => {
    if (!WRITES.test(text)) return real.query(text, values);
    const before = await outside();
    const result = await real.query(text, values);
    expectSame(before, await outside(), text);
    return result;
  };
  const connect = async () => {
    const client = await real.connect();
    let wrote: string | null = null;
    let isReadOnly = false;
    const queryInside = async (text: string, values?: unknown[]) => {
      if (READ_ONLY.test(text)) isReadOnly = true;
      else if (WRITES.test(text)) wrote = text;
      if (text === 'commit' && wrote !== null && !isReadOnly) {
        expectSame(await outside(), await digestOf((one) => client.query<Digest>(one)), wrote);
      }
      if (text === 'commit' || text === 'rollback') {
        wrote = null;
        isReadOnly = false;
      }
      return client.query(text, values);
    };
    return withQuery(client, { query: queryInside });
  };
  return withQuery(real, { query, connect });
}

const withQuery = <T extends object>(real: T, instead: Readonly<Record<string, unknown>>): T =>
  new Proxy(real, {
    get: (target, name) => {
      if (typeof name === 'string' && name in instead) return instead[name];
      const rest: unknown = Reflect.get(target, name);
      return rest;
    },
  });

async function digestStatement(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ name: string }>(TABLES, [NOTES]);
  const digests = rows.map(({ name }) => {
    const row = name === 'sync_state' ? WITHOUT_THE_FENCE : 't::text';
    const where = name === 'outbox' ? `where ${UNLIKE_FINDINGS}` : '';
    return `(select md5(coalesce(string_agg(${row}, '|' order by ${row}), '')) from ${name} t ${where}) as ${name}`;
  });
  return `select ${digests.join(', ')}`;
}
