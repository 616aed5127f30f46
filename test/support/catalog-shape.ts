import type { Queryable } from '../../src/database/transaction.js';

/**
 * All that PostgreSQL knows of a schema's tables but their rows. Names that it makes up itself (of the triggers that
 * check references) aren't in it, and what they do is.
 */
const SHAPE = `
  with tables as (
    select * from pg_class where relkind in ('r', 'p', 'v') and relnamespace = current_schema()::regnamespace)
  select concat_ws(' ', 'table', relname, relkind, relowner::regrole, relacl, relreplident, relpersistence, reltablespace,
                   reloptions, relhastriggers, relhasrules, relrowsecurity, relispartition, obj_description(oid, 'pg_class')) as text
    from tables
   union all
  select concat_ws(' ', 'column', t.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                   a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), col_description(t.oid, a.attnum))
    from pg_attribute a join tables t on t.oid = a.attrelid
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where a.attnum > 0
   union all
  select concat_ws(' ', 'index', pg_get_indexdef(x.indexrelid), x.indisunique, x.indisprimary, x.indimmediate, x.indisvalid,
                   x.indisready, x.indislive, x.indisclustered, x.indisreplident, i.relowner::regrole, i.reltablespace,
                   i.reloptions, obj_description(i.oid, 'pg_class'),
                   (select string_agg(concat_ws(':', a.attnum, a.attstattarget), ',' order by a.attnum)
                      from pg_attribute a where a.attrelid = i.oid and a.attstattarget >= 0))
    from pg_index x join tables t on t.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
   union all
  select concat_ws(' ', 'constraint', t.relname, k.conname, pg_get_constraintdef(k.oid), k.contype, k.condeferrable,
                   k.condeferred, k.convalidated, k.conislocal, k.connoinherit, k.conindid::regclass,
                   obj_description(k.oid, 'pg_constraint'))
    from pg_constraint k join tables t on t.oid = k.conrelid
   union all
  select concat_ws(' ', 'trigger', t.relname, case when g.tgisinternal then 'internal' else g.tgname end, k.conname,
                   g.tgfoid::regproc, g.tgtype, g.tgenabled, g.tgdeferrable, g.tginitdeferred, g.tgconstrindid::regclass)
    from pg_trigger g join tables t on t.oid = g.tgrelid left join pg_constraint k on k.oid = g.tgconstraint
   union all
  select concat_ws(' ', 'view', relname, pg_get_viewdef(oid)) from tables where relkind = 'v'
   order by 1`;

export const shapeOf = async (db: Queryable): Promise<string[]> =>
  (await db.query<{ text: string }>(SHAPE)).rows.map(({ text }) => text);

/** Of two that cost the same PostgreSQL takes the older one. */
const ORDER = `
  select c.relname || ': ' || string_agg(i.relname, ', ' order by i.oid) as text
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
   where c.relnamespace = current_schema()::regnamespace group by c.oid, c.relname order by 1`;

/** Indexes of each table, oldest first. */
export const indexesByAge = async (db: Queryable): Promise<string[]> =>
  (await db.query<{ text: string }>(ORDER)).rows.map(({ text }) => text);
