import pg from 'pg';
import type { Queryable, Tx } from './transaction.js';

/** A sequence that would hand out ids which its table has already, as an import of rows alone leaves it. */
export type SequenceBehind = {
  readonly table: string;
  readonly column: string;
  readonly sequence: string;
  /** What it would hand out next. */
  readonly next: string;
  /** The highest id in the table. */
  readonly highest: string;
};

/** Only where the role may read and set it: what can't be mended isn't tried again and again. */
const IDENTITY_COLUMNS = `
  select i.table, i.column, i.sequence
    from (select c.oid as id, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name,
                 c.relname as table, a.attname as column,
                 pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(c.relname),
                                        a.attname) as sequence
            from pg_class c
            join pg_namespace n on n.oid = c.relnamespace
            join pg_attribute a on a.attrelid = c.oid
           where a.attidentity <> '' and not a.attisdropped
             and c.relkind in ('r', 'p') and n.oid = current_schema()::regnamespace) as i
   where has_sequence_privilege(i.sequence, 'SELECT') and has_sequence_privilege(i.sequence, 'UPDATE')
     and has_table_privilege(i.id, 'SELECT') and has_table_privilege(i.id, 'UPDATE')
   order by i.table, i.column`;

type IdentityColumn = Pick<SequenceBehind, 'table' | 'column' | 'sequence'>;

/** No sequence of ours gets that far: a row above it was put there by hand, and must not use up the ids. */
const HIGHEST_BELIEVED = 2n ** 53n;

/**
 * The names come from the catalog and are escaped: FROM takes no parameters. Read by the index that every
 * identity column has.
 */
const behindAmong = (columns: readonly IdentityColumn[]): string =>
  columns.map((column, position) => behind(column, position)).join(' union all ');

const behind = ({ table, column, sequence }: IdentityColumn, position: number): string => `
  select ${position} as position, next::text, highest::text
    from (select last_value + is_called::int as next from ${sequence}) as s,
         (select max(${pg.escapeIdentifier(column)}) as highest from ${pg.escapeIdentifier(table)}
           where ${pg.escapeIdentifier(column)} <= ${HIGHEST_BELIEVED}) as t
   where highest >= next`;

export async function sequencesBehind(db: Queryable): Promise<SequenceBehind[]> {
  const { rows: columns } = await db.query<IdentityColumn>(IDENTITY_COLUMNS);
  if (columns.length === 0) return [];
  type Row = { position: number; next: string; highest: string };
  const { rows } = await db.query<Row>(behindAmong(columns));
  return rows.flatMap(({ position, next, highest }) => {
    const column = columns[position];
    return column === undefined ? [] : [{ ...column, next, highest }];
  });
}

const WAIT_A_WHILE = "set local lock_timeout = '5s'";
const lockTables = (found: readonly SequenceBehind[]): string =>
  `lock table ${found.map(({ table }) => pg.escapeIdentifier(table)).join(', ')} in share row exclusive mode`;
const ADVANCE = `
  select setval(sequence::regclass, highest)
    from unnest($1::text[], $2::bigint[]) as s (sequence, highest)`;

/**
 * Sets those right that are behind, which is only ever forward. Their tables are locked meanwhile: an id that
 * was handed out to a transaction under way can't be seen yet, and would be handed out again.
 */
export async function advanceSequences(tx: Tx): Promise<SequenceBehind[]> {
  const suspected = await sequencesBehind(tx);
  if (suspected.length === 0) return [];
  await tx.query(WAIT_A_WHILE);
  await tx.query(lockTables(suspected));
  const locked = new Set(suspected.map(({ sequence }) => sequence));
  const found = (await sequencesBehind(tx)).filter(({ sequence }) => locked.has(sequence));
  await tx.query(ADVANCE, [
    found.map(({ sequence }) => sequence),
    found.map(({ highest }) => highest),
  ]);
  return found;
}

const KEYS_OF = `
  select a.attname as column
    from pg_constraint k
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any(k.conkey)
   where k.conname = $2 and k.conrelid = to_regclass(quote_ident($1)) and a.attidentity <> ''`;

/** An id was taken already by which a table tells its rows apart. */
export class IdTaken extends Error {
  override readonly name = 'IdTaken';
}

/** What a person is to know of it where a sequence is behind; else the error as it is. */
export async function explainTakenId(db: Queryable, error: unknown): Promise<unknown> {
  const taken = takenKey(error);
  if (taken === null) return error;
  const { rows } = await db.query<{ column: string }>(KEYS_OF, [taken.table, taken.constraint]);
  const [key] = rows;
  if (key === undefined) return error;
  const behindNow = (await sequencesBehind(db)).find(({ table }) => table === taken.table);
  return new IdTaken(takenWords(taken.table, key.column, behindNow), { cause: error });
}

function takenWords(table: string, column: string, found: SequenceBehind | undefined): string {
  const sequence = found?.sequence ?? `the one of ${table}.${column}`;
  const figures = found === undefined ? '' : `, up to ${found.highest}`;
  return (
    `the sequence ${sequence} hands out ids that ${table} has already${figures}: it was set back, as an ` +
    'import of rows alone leaves it. Nothing was written. Restart `teller run` (where none runs, start it): ' +
    'whoever begins to lead sets it right; then try again'
  );
}

const UNIQUE_VIOLATION = '23505';

function takenKey(error: unknown): { readonly table: string; readonly constraint: string } | null {
  if (!(error instanceof pg.DatabaseError) || error.code !== UNIQUE_VIOLATION) return null;
  const { table, constraint } = error;
  return table === undefined || constraint === undefined ? null : { table, constraint };
}
