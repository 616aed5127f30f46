import type { Queryable, Tx } from '../../database/transaction.js';
import { AUDIT_BYTES, LEDGER_BYTES } from './row-bytes.js';
import { NO_SEALS, type Piece, type Seal, type SealChain, type SealHead } from './seal.js';

const HEAD = `
  select seal, last_id, rows_total, hash from seals where chain = $1 order by seal desc limit 1`;

const HEAD_OF_HOUR = `
  select seal, last_id, rows_total, hash from seals
   where chain = $1 and sealed_at < date_trunc('hour', now()) order by seal desc limit 1`;

/** Where a chain of seals ends. */
export const sealHead = (db: Queryable, chain: SealChain): Promise<SealHead> =>
  readHead(db, HEAD, chain);

/** Where it ended at the last full hour. */
export const headOfHour = (db: Queryable, chain: SealChain): Promise<SealHead> =>
  readHead(db, HEAD_OF_HOUR, chain);

async function readHead(db: Queryable, query: string, chain: SealChain): Promise<SealHead> {
  type Row = { seal: number; last_id: string; rows_total: string; hash: string };
  const [row] = (await db.query<Row>(query, [chain])).rows;
  if (row === undefined) return NO_SEALS;
  const { seal, last_id, rows_total, hash } = row;
  return { seal, lastId: BigInt(last_id), rows: Number(rows_total), hash };
}

/** Rows that no seal covers yet; counted up to UNSEALED_COUNTED_MAX. */
const UNSEALED = {
  ledger: `
    select count(*)::int as rows
      from (select from balance_transactions where id > $1 limit $2) as unsealed`,
  audit: `
    select count(*)::int as rows from (select from audit_log where id > $1 limit $2) as unsealed`,
};
/** Further counting would only say that it is a lot. */
const UNSEALED_COUNTED_MAX = 100_000;

export async function countUnsealed(
  db: Queryable,
  chain: SealChain,
  { lastId }: SealHead,
): Promise<number> {
  const values = [lastId.toString(), UNSEALED_COUNTED_MAX];
  return (await db.query<{ rows: number }>(UNSEALED[chain], values)).rows[0]?.rows ?? 0;
}

const NEWEST_ID = {
  ledger: 'select max(id) as id from balance_transactions',
  audit: 'select max(id) as id from audit_log',
};

/** Null where there are no rows. */
export async function newestId(db: Queryable, chain: SealChain): Promise<bigint | null> {
  const [row] = (await db.query<{ id: string | null }>(NEWEST_ID[chain])).rows;
  return row?.id == null ? null : BigInt(row.id);
}

const WAIT_BRIEFLY = "set local lock_timeout = '100ms'";
const HOLD_WRITERS = {
  ledger: 'lock table balance_transactions in share mode',
  audit: 'lock table audit_log in share mode',
};

/**
 * Waits for whoever writes to the table, and keeps others from beginning to: a row's id is drawn under the
 * table's own lock, so that from then on every id up to the newest is decided.
 */
export async function holdWriters(tx: Tx, chain: SealChain): Promise<void> {
  await tx.query(WAIT_BRIEFLY);
  await tx.query(HOLD_WRITERS[chain]);
}

const PIECES = {
  ledger: `
    with page as (
      select id, (row_number() over (order by id) - 1) / $3::int as piece, ${LEDGER_BYTES} as bytes
        from balance_transactions where id > $1 and id <= $2 order by id limit $3::int * $4::int)
    select max(id) as last_id, count(*)::int as rows,
           encode(sha256(string_agg(bytes, '' order by id)), 'hex') as content_hash
      from page group by piece order by piece`,
  audit: `
    with page as (
      select id, (row_number() over (order by id) - 1) / $3::int as piece, ${AUDIT_BYTES} as bytes
        from audit_log where id > $1 and id <= $2 order by id limit $3::int * $4::int)
    select max(id) as last_id, count(*)::int as rows,
           encode(sha256(string_agg(bytes, '' order by id)), 'hex') as content_hash
      from page group by piece order by piece`,
};

/** A seal's, at most: few enough that a difference says where to look. */
const ROWS_MAX = 1_000;
/** At a time: some tenths of a second of one core. */
const PIECES_MAX = 50;

/** Rows between two ids (the first exclusive), in pieces of the size of a seal; not necessarily all. */
export async function piecesBetween(
  db: Queryable,
  chain: SealChain,
  above: bigint,
  upTo: bigint,
): Promise<Piece[]> {
  type Row = { last_id: string; rows: number; content_hash: string };
  const values = [above.toString(), upTo.toString(), ROWS_MAX, PIECES_MAX];
  const { rows } = await db.query<Row>(PIECES[chain], values);
  return rows.map((row) => ({
    lastId: BigInt(row.last_id),
    rows: row.rows,
    contentHash: row.content_hash,
  }));
}

/** Only where the chain still ends where these seals begin. */
const STORE = `
  insert into seals (chain, seal, first_id, last_id, row_count, rows_total, content_hash, hash, sealed_at)
  select $1, s.* , $2
    from unnest($3::int[], $4::bigint[], $5::bigint[], $6::int[], $7::bigint[], $8::text[], $9::text[])
      as s (seal, first_id, last_id, row_count, rows_total, content_hash, hash)
   where coalesce((select seal from seals where chain = $1 order by seal desc limit 1), 0) = $10`;

/** @returns how many were stored: all of them, or none where another one was quicker */
export async function storeSeals(
  tx: Tx,
  at: Date,
  chain: SealChain,
  seals: readonly Seal[],
): Promise<number> {
  const { rowCount } = await tx.query(STORE, [
    chain,
    at,
    seals.map((seal) => seal.seal),
    seals.map((seal) => seal.firstId.toString()),
    seals.map((seal) => seal.lastId.toString()),
    seals.map((seal) => seal.rows),
    seals.map((seal) => seal.rowsTotal),
    seals.map((seal) => seal.contentHash),
    seals.map((seal) => seal.hash),
    (seals[0]?.seal ?? 1) - 1,
  ]);
  return rowCount ?? 0;
}
