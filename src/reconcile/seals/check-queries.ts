import type { Queryable, Tx } from '../../database/transaction.js';
import { AUDIT_BYTES, LEDGER_BYTES } from './row-bytes.js';
import { NO_SEALS, type SealChain } from './seal.js';

/** Of an acceptance that counts there is an audit entry, which has a seal of its own. */
const IS_ACCEPTED = `
  now.content_hash is not distinct from s.accepted_content_hash
  and exists (select 1 from audit_log a
               where a.action = 'seal.accepted' and a.entity_type = 'seal'
                 and a.entity_id = s.chain || '/' || s.seal
                 and a.details ->> 'contentHash' = now.content_hash)`;
/** Nothing below the first seal's range was ever written: what is there was added. */
const LEAST = "case s.seal when 1 then '-9223372036854775808'::bigint else s.first_id end";
/**
 * What a seal's rows are now. They are put into order before they are put together: an aggregate that
 * orders would sort all their bytes.
 */
const nowOf = (bytes: string, table: string): string => `
  select count(*)::int as rows, encode(sha256(coalesce(string_agg(bytes, ''), '')), 'hex') as content_hash
    from (select ${bytes} as bytes from ${table}
           where id between ${LEAST} and s.last_id order by id) as in_order`;
const LEDGER_NOW = nowOf(LEDGER_BYTES, 'balance_transactions');
const AUDIT_NOW = nowOf(AUDIT_BYTES, 'audit_log');

const CHANGED_COLUMNS = `
  s.seal, s.first_id, s.last_id, s.row_count, now.rows, s.content_hash, now.content_hash as hash_now,
  count(*) over ()::int as changed`;
const CHANGED = `
  s.chain = $1 and s.seal between $2 and $3 and now.content_hash <> s.content_hash and not (${IS_ACCEPTED})`;
const CHANGED_ROWS = {
  ledger: `
    select ${CHANGED_COLUMNS} from seals s cross join lateral (${LEDGER_NOW}) as now
     where ${CHANGED} order by s.seal limit $4`,
  audit: `
    select ${CHANGED_COLUMNS} from seals s cross join lateral (${AUDIT_NOW}) as now
     where ${CHANGED} order by s.seal limit $4`,
};

export type ChangedRows = {
  readonly chain: SealChain;
  readonly seal: number;
  readonly firstId: string;
  readonly lastId: string;
  readonly rowsSealed: number;
  readonly rowsNow: number;
  readonly hashSealed: string;
  readonly hashNow: string;
};

/** All of them, and the first of them. */
export type Bounded<T> = { readonly count: number; readonly shown: readonly T[] };

/** Seals between two numbers (both inclusive) whose rows aren't what was sealed, nor what was accepted. */
export async function changedRows(
  db: Queryable,
  chain: SealChain,
  [from, to]: readonly [number, number],
  shown: number,
): Promise<Bounded<ChangedRows>> {
  type Row = {
    seal: number;
    first_id: string;
    last_id: string;
    row_count: number;
    rows: number;
    content_hash: string;
    hash_now: string;
    changed: number;
  };
  const { rows } = await db.query<Row>(CHANGED_ROWS[chain], [chain, from, to, shown]);
  return {
    count: rows[0]?.changed ?? 0,
    shown: rows.map((row) => ({
      chain,
      seal: row.seal,
      firstId: row.first_id,
      lastId: row.last_id,
      rowsSealed: row.row_count,
      rowsNow: row.rows,
      hashSealed: row.content_hash,
      hashNow: row.hash_now,
    })),
  };
}

/** Hashing them takes a processor about a second: so nobody waits long for whoever began with the last ones. */
const SLICE_ROWS = 500_000;
const SLICE_ENDS = `
  select max(seal) as seal
    from (select seal, sum(row_count) over (order by seal) / $3::int as slice
            from seals where chain = $1 and seal <= $2) as counted
   group by slice order by 1`;

/** Seals at which slices of about as many rows end, in their order. */
export const sliceEnds = async (db: Queryable, chain: SealChain, upTo: number): Promise<number[]> =>
  (await db.query<{ seal: number }>(SLICE_ENDS, [chain, upTo, SLICE_ROWS])).rows.map(
    ({ seal }) => seal,
  );

/** The text of `linkSeals`: whoever changes one of them changes both. */
const CHECK_LINKS = `
  with linked as (
    select seal, hash, seal = lag(seal, 1, 0) over chained + 1 as in_order,
           first_id = lag(last_id, 1, 0::bigint) over chained + 1
             and rows_total = lag(rows_total, 1, 0::bigint) over chained + row_count as adds_up,
           encode(sha256(convert_to(concat_ws(' ', lag(hash, 1, $2) over chained, chain, seal, first_id, last_id,
                                             row_count, rows_total, content_hash), 'UTF8')), 'hex') as link
      from seals where chain = $1 window chained as (order by seal))
  select seal, hash, link, count(*) over ()::int as broken
    from linked where not in_order or not adds_up or hash <> link order by seal limit $3`;

/** A seal that doesn't follow from the one before it. */
export type BrokenLink = {
  readonly chain: SealChain;
  readonly seal: number;
  readonly stored: string;
  readonly expected: string;
};

export async function brokenLinks(
  db: Queryable,
  chain: SealChain,
  shown: number,
): Promise<Bounded<BrokenLink>> {
  type Row = { seal: number; hash: string; link: string; broken: number };
  const { rows } = await db.query<Row>(CHECK_LINKS, [chain, NO_SEALS.hash, shown]);
  return {
    count: rows[0]?.broken ?? 0,
    shown: rows.map(({ seal, hash, link }) => ({ chain, seal, stored: hash, expected: link })),
  };
}

const SEALED_HASH = 'select hash from seals where chain = $1 and seal = $2';

/** Null where there is no such seal. */
export async function hashOfSeal(
  db: Queryable,
  chain: SealChain,
  seal: number,
): Promise<string | null> {
  const { rows } = await db.query<{ hash: string }>(SEALED_HASH, [chain, seal]);
  return rows[0]?.hash ?? null;
}

const ACCEPT_TAIL = `
  , accepted as (
    update seals s
       set accepted_content_hash = n.hash_now, accepted_at = $3, accepted_by = $4, accepted_reason = $5
      from now_rows n
     where s.chain = $1 and s.seal = n.seal and n.hash_now <> s.content_hash
    returning s.chain, s.seal, s.row_count, s.content_hash, n.rows_now, n.hash_now)
  insert into audit_log (created_at, action, entity_type, entity_id, actor, details)
  select $3, 'seal.accepted', 'seal', chain || '/' || seal, $4,
         jsonb_build_object('reason', $5::text, 'contentHash', hash_now, 'rows', rows_now,
                            'sealedHash', content_hash, 'sealedRows', row_count)
    from accepted order by seal`;
const ACCEPT = {
  ledger: `
    with now_rows as (
      select s.seal, now.rows as rows_now, now.content_hash as hash_now
        from seals s cross join lateral (${LEDGER_NOW}) as now
       where s.chain = $1 and s.seal = any($2::int[]))
    ${ACCEPT_TAIL}`,
  audit: `
    with now_rows as (
      select s.seal, now.rows as rows_now, now.content_hash as hash_now
        from seals s cross join lateral (${AUDIT_NOW}) as now
       where s.chain = $1 and s.seal = any($2::int[]))
    ${ACCEPT_TAIL}`,
};

/** @returns how many differed, and are accepted as they are now */
export async function acceptRows(
  tx: Tx,
  at: Date,
  chain: SealChain,
  seals: readonly number[],
  by: string,
  reason: string,
): Promise<number> {
  return (await tx.query(ACCEPT[chain], [chain, seals, at, by, reason])).rowCount ?? 0;
}
