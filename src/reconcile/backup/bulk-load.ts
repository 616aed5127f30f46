import type { Tx } from '../../database/transaction.js';

/**
 * As PostgreSQL's manual advises ("Populating a Database"): rows first, into tables without indexes, keys and
 * references, and these made afterwards over all rows at once. Row by row an index whose keys come in no order
 * is read and written all over, slower the larger it grows, and a reference costs a look-up.
 */

/** Plain tables that this role may change. Where triggers are, these may need what would be away. */
const CHANGEABLE = `
  select c.oid, c.relname, format('%I.%I', current_schema(), c.relname) as name from pg_class c
   where c.relnamespace = current_schema()::regnamespace and c.relname = any($1)
     and c.relkind = 'r' and not c.relispartition
     and pg_has_role(c.relowner, 'usage') and has_schema_privilege(c.relnamespace, 'create')
     and not exists (select from pg_trigger g join pg_class t on t.oid = g.tgrelid
                      where t.relname = any($1) and t.relnamespace = c.relnamespace and not g.tgisinternal)`;

/**
 * From or to these tables, in the order in which they were made. One that says more than its definition stays,
 * and so does one that isn't valid: rows are held against it as they come, and never again.
 */
const REFERENCES = `
  with changeable as (${CHANGEABLE})
  select format('alter table %s drop constraint %I', k.conrelid::regclass, k.conname) as take,
         format('alter table %s add constraint %I %s', k.conrelid::regclass, k.conname,
                pg_get_constraintdef(k.oid)) as put,
         c.relname as table
    from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class t on t.oid = k.confrelid
   where k.contype = 'f' and k.convalidated and k.conparentid = 0
     and (c.oid in (select oid from changeable) or t.oid in (select oid from changeable))
     and c.relkind = 'r' and t.relkind = 'r'
     and pg_has_role(c.relowner, 'usage') and pg_has_role(t.relowner, 'usage')
     and obj_description(k.oid, 'pg_constraint') is null
     and not exists (select from pg_trigger g where g.tgconstraint = k.oid and g.tgenabled <> 'O')
   order by k.oid`;

/**
 * Primary keys and unique constraints too. What says more than its definition stays: a comment, a tablespace, a
 * mark, statistics of its own; and so does what something else rests upon, as a reference that stayed.
 */
const INDEXES = `
  with changeable as (${CHANGEABLE})
  select case when k.oid is null then format('drop index %I.%I', current_schema(), i.relname)
              else format('alter table %s drop constraint %I', c.name, k.conname) end as take,
         case when k.oid is null then pg_get_indexdef(i.oid)
              else format('alter table %s add constraint %I %s', c.name, k.conname,
                          pg_get_constraintdef(k.oid)) end as put,
         c.relname as table
    from pg_index x join pg_class i on i.oid = x.indexrelid join changeable c on c.oid = x.indrelid
    left join pg_constraint k on k.conindid = i.oid and k.conrelid = c.oid and k.contype <> 'f'
   where x.indisvalid and not x.indisreplident and not x.indisclustered and i.reltablespace = 0
     and (k.oid is null or i.reloptions is null and k.contype in ('p', 'u'))
     and obj_description(i.oid, 'pg_class') is null and obj_description(k.oid, 'pg_constraint') is null
     and not exists (select from pg_attribute a where a.attrelid = i.oid and a.attstattarget >= 0)
     and not exists (select from pg_depend d
                      where d.refobjid in (i.oid, k.oid) and d.objid <> i.oid
                         or d.objid = i.oid and d.deptype = 'x')
   order by i.oid`;

/** What no reference that stayed leads to. */
const FREE = `
  with changeable as (${CHANGEABLE})
  select c.relname as table, c.name from changeable c
   where not exists (select from pg_constraint k where k.contype = 'f' and k.confrelid = c.oid)`;

/**
 * Sorts stay within this memory, those of parallel workers included, and go to disk beyond it; a server that was
 * given more keeps it. A check that waits for the end would keep its table from being changed.
 */
const SETTINGS = `
  set constraints all immediate;
  set local default_tablespace to '';
  select set_config('maintenance_work_mem', greatest(
    pg_size_bytes(current_setting('maintenance_work_mem')), pg_size_bytes('256MB')) / 1024 || 'kB', true)`;

/** What was taken away, and makes it again. */
export type Removed = { readonly table: string; readonly put: string };

export type BulkLoad = {
  /** Truncated in this transaction. */
  readonly fresh: ReadonlySet<string>;
  readonly removed: readonly Removed[];
};

/** Takes away what slows down writing into these, which are empty. Nobody else reads them until the transaction ends. */
export async function beginBulkLoad(tx: Tx, tables: readonly string[]): Promise<BulkLoad> {
  await tx.query(SETTINGS);
  const references = await takeAway(tx, REFERENCES, tables);
  const indexes = await takeAway(tx, INDEXES, tables);
  const { rows: free } = await tx.query<{ table: string; name: string }>(FREE, [tables]);
  if (free.length > 0) await tx.query(`truncate only ${free.map(({ name }) => name).join()}`);
  // References need the keys.
  return {
    fresh: new Set(free.map(({ table }) => table)),
    removed: [...indexes, ...references],
  };
}

async function takeAway(tx: Tx, text: string, tables: readonly string[]): Promise<Removed[]> {
  const { rows } = await tx.query<Removed & { take: string }>(text, [tables]);
  for (const { take } of rows) await tx.query(take);
  return rows;
}

/** Makes it again as it was, which holds all rows against it. */
export async function endBulkLoad(
  tx: Tx,
  removed: readonly Removed[],
  onMade: (one: Removed) => void,
): Promise<void> {
  for (const one of removed) {
    await tx.query(one.put);
    onMade(one);
  }
}
