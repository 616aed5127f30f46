import pg from 'pg';
import type { Queryable } from '../../database/transaction.js';

/**
 * What the schema consists of, as PostgreSQL itself tells it. The names of tables and columns in the
 * texts below come from there and are escaped: COPY and LOCK take no parameters.
 */
const TABLES = `
  select c.relname as name,
         array(select a.attname::text from pg_attribute a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                  and a.attgenerated = '' order by a.attnum) as columns,
         greatest(c.reltuples, 0)::float8 as "estimatedRows"
    from pg_class c
   where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace
   order by c.relname`;

export type Table = {
  readonly name: string;
  readonly columns: readonly string[];
  /** As the planner believes; 0 where it never looked. */
  readonly estimatedRows: number;
};

export const readTables = async (db: Queryable): Promise<Table[]> =>
  (await db.query<Table>(TABLES)).rows;

const REFERENCES = `
  select f.relname as from, t.relname as to
    from pg_constraint k join pg_class f on f.oid = k.conrelid join pg_class t on t.oid = k.confrelid
   where k.contype = 'f' and k.connamespace = current_schema()::regnamespace`;

export type Reference = { readonly from: string; readonly to: string };

export const readReferences = async (db: Queryable): Promise<Reference[]> =>
  (await db.query<Reference>(REFERENCES)).rows;

/** A sequence isn't part of any snapshot: read after the rows, it is never behind them. */
const SEQUENCES = `
  select sequencename as name, last_value::text as value from pg_sequences
   where schemaname = current_schema() and last_value is not null order by sequencename`;

export type Sequence = { readonly name: string; readonly value: string };

export const readSequences = async (db: Queryable): Promise<Sequence[]> =>
  (await db.query<Sequence>(SEQUENCES)).rows;

const SET_SEQUENCES = `
  select setval(format('%I.%I', s.schemaname, s.sequencename)::regclass,
                greatest(w.value, coalesce(s.last_value, w.value)))
    from unnest($1::text[], $2::bigint[]) as w (name, value)
    join pg_sequences s on s.schemaname = current_schema() and s.sequencename = w.name`;

export const setSequences = (db: Queryable, sequences: readonly Sequence[]) =>
  db.query(SET_SEQUENCES, [sequences.map(({ name }) => name), sequences.map(({ value }) => value)]);

const MIGRATIONS_EXIST = `select to_regclass('teller_migrations') is not null as exists`;
const MIGRATIONS = 'select name from teller_migrations order by id';

/** Applied ones in their order; none where there is no schema of ours. */
export async function readMigrations(db: Queryable): Promise<string[]> {
  const { rows: found } = await db.query<{ exists: boolean }>(MIGRATIONS_EXIST);
  if (found[0]?.exists !== true) return [];
  const { rows } = await db.query<{ name: string }>(MIGRATIONS);
  return rows.map(({ name }) => name);
}

/**
 * Text that is written and read must not depend on what a role or a database prefers, and what takes
 * long on purpose must not be ended by a limit that is meant for others. Takes no snapshot.
 */
export const PLAIN_SESSION = `
  set local datestyle to 'ISO, MDY'; set local timezone to 'UTC';
  set local intervalstyle to 'postgres'; set local extra_float_digits to 1;
  set local bytea_output to 'hex'; set local statement_timeout to 0;
  set local idle_in_transaction_session_timeout to 0; set local jit to off`;

const quoted = (name: string): string => pg.escapeIdentifier(name);
const listed = (columns: readonly string[]): string => columns.map(quoted).join(', ');

export const copyOut = (table: Pick<Table, 'name' | 'columns'>, where: string | null): string =>
  where === null
    ? `copy ${quoted(table.name)} (${listed(table.columns)}) to stdout`
    : `copy (select ${listed(table.columns)} from ${quoted(table.name)} where ${where}) to stdout`;

/** @param fresh made or truncated in this transaction: then rows are written as those that everybody sees, once */
export const copyIn = (table: Pick<Table, 'name' | 'columns'>, fresh: boolean): string =>
  `copy ${quoted(table.name)} (${listed(table.columns)}) from stdin${fresh ? ' (freeze)' : ''}`;

/** Nobody else writes until the transaction ends. */
export const lockAll = (tables: readonly string[]): string =>
  `lock table ${listed(tables)} in exclusive mode`;

/** Nobody changes their shape until the transaction ends; rows come and go. */
export const shareAll = (tables: readonly string[]): string =>
  `lock table ${listed(tables)} in access share mode`;

export const hasRows = (table: string): string =>
  `select exists (select 1 from ${quoted(table)}) as there`;

export const deleteAll = (table: string): string => `delete from ${quoted(table)}`;
