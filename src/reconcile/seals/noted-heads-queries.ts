import type { Queryable, Tx } from '../../database/transaction.js';
import type { SealChain, SealHead } from './seal.js';

/** Where a chain of seals ended when somebody looked. The last note counts; it is in another table than the seals. */
export type NotedHead = Pick<SealHead, 'seal' | 'hash'>;

const LAST = `
  select (details ->> 'seal')::int as seal, details ->> 'hash' as hash
    from audit_log
   where entity_type = 'seal' and entity_id = $1 and action = 'seal.noted'
     and details ->> 'seal' ~ '^[0-9]{1,9}$' and details ->> 'hash' is not null
   order by id desc limit 1`;

/** Null where none was noted. */
export const notedHead = async (db: Queryable, chain: SealChain): Promise<NotedHead | null> =>
  (await db.query<NotedHead>(LAST, [chain])).rows[0] ?? null;

const NOTE = `
  insert into audit_log (action, entity_type, entity_id, actor, details)
  select 'seal.noted', 'seal', chain, $1, jsonb_build_object('seal', seal, 'hash', hash) || $5::jsonb
    from unnest($2::text[], $3::int[], $4::text[]) as heads (chain, seal, hash)`;

/** @param details what else is to be known of it */
export const noteHeads = (
  db: Queryable | Tx,
  actor: string,
  heads: readonly (NotedHead & { readonly chain: SealChain })[],
  details: object = {},
) =>
  db.query(NOTE, [
    actor,
    heads.map(({ chain }) => chain),
    heads.map(({ seal }) => seal),
    heads.map(({ hash }) => hash),
    JSON.stringify(details),
  ]);
