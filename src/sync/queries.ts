import type { Pool } from 'pg';
import type { Height, Point, PointOrOrigin, Slot, TipOrOrigin } from '../chain/point.js';
import { inTransaction, type Queryable, type Tx } from '../database/transaction.js';
import type { Cursor } from './events.js';
import { type BegunTerm, type Refused, takeTerm } from './term-queries.js';

/** One leader's time in office. Both parts stand in the WHERE of every chain write. */
export type Term = { readonly partitionId: number; readonly epoch: bigint; readonly token: string };

export type Header = {
  readonly hash: string;
  readonly height: number;
  readonly slot: number;
  readonly ancestor: string | null;
  readonly boundary: boolean;
};

const CREATE_STATE = `
  insert into sync_state (partition_id, total_partitions, network) values ($1, $2, $3)
  on conflict (partition_id) do nothing`;

/**
 * Raises the epoch and draws the token, and sets right what would hand out ids twice. Refused where the
 * database belongs to another network or layout.
 *
 * @throws BooksContradict where no epoch is left
 */
export async function beginTerm(
  pool: Pool,
  partitionId: number,
  totalPartitions: number,
  network: string,
): Promise<BegunTerm | Refused> {
  await pool.query(CREATE_STATE, [partitionId, totalPartitions, network]);
  return inTransaction(pool, (tx) => takeTerm(tx, partitionId, totalPartitions, network));
}

const READ_CURSOR = `
  select started, last_slot, last_block_hash, last_block_height from sync_state where partition_id = $1`;

/** Null until the start point was chosen. */
export async function readCursor(db: Queryable, partitionId: number): Promise<Cursor | null> {
  const { rows } = await db.query<CursorRow>(READ_CURSOR, [partitionId]);
  const [row] = rows;
  return row === undefined ? null : cursorFrom(row);
}

type CursorRow = {
  started: boolean;
  last_slot: string | null;
  last_block_hash: string | null;
  last_block_height: string | null;
};

function cursorFrom(row: CursorRow): Cursor | null {
  if (!row.started) return null;
  if (row.last_slot === null || row.last_block_hash === null) {
    return { point: 'origin', height: null };
  }
  return {
    point: { slot: Number(row.last_slot) as Slot, id: row.last_block_hash },
    height: row.last_block_height === null ? null : (Number(row.last_block_height) as Height),
  };
}

const MOVE_CURSOR = `
  update sync_state
     set last_slot = $4, last_block_hash = $5, last_block_height = $6, started = true,
         tip_slot = $7, tip_hash = $8, tip_height = $9, updated_at = now()
   where partition_id = $1 and leader_epoch = $2 and leader_token = $3
     and last_block_hash is not distinct from $10 and started = $11
  returning now() as at, set_config('idle_in_transaction_session_timeout', '8s', true)`;

/**
 * The fence: every chain write begins with it. It also bounds, for this transaction, how long the
 * locks of a process that freezes in the middle can stand in its successor's way. Answers the transaction's time, or null when the term
 * is over or the cursor isn't where it was believed to be; then nothing may be committed.
 */
export async function moveCursor(
  tx: Tx,
  term: Term,
  from: Cursor | null,
  to: Cursor,
  tip: TipOrOrigin,
): Promise<Date | null> {
  const known = tip === 'origin' ? null : tip;
  const { rows } = await tx.query<{ at: Date }>(MOVE_CURSOR, [
    term.partitionId,
    term.epoch.toString(),
    term.token,
    to.point === 'origin' ? null : to.point.slot,
    hashOrNull(to.point),
    to.height,
    known?.slot ?? null,
    known?.id ?? null,
    known?.height ?? null,
    from === null ? null : hashOrNull(from.point),
    from !== null,
  ]);
  return rows[0]?.at ?? null;
}

const HOLD_CURSOR = `
  update sync_state set updated_at = now()
   where partition_id = $1 and leader_epoch = $2 and leader_token = $3
  returning now() as at, started, last_slot, last_block_hash, last_block_height,
            set_config('idle_in_transaction_session_timeout', '8s', true)`;

/**
 * The fence for chain writes that don't move the cursor: it stays where it is found until the transaction
 * ends. Null when the term is over.
 */
export async function holdCursor(
  tx: Tx,
  term: Term,
): Promise<{ readonly at: Date; readonly cursor: Cursor | null } | null> {
  const { rows } = await tx.query<CursorRow & { at: Date }>(HOLD_CURSOR, [
    term.partitionId,
    term.epoch.toString(),
    term.token,
  ]);
  const [row] = rows;
  return row === undefined ? null : { at: row.at, cursor: cursorFrom(row) };
}

const NOTE_START_HEIGHT = 'update sync_state set start_height = $2 where partition_id = $1';

/** Where a new database began: blocks above are followed, those below never were. */
export const noteStartHeight = (tx: Tx, partitionId: number, height: number) =>
  tx.query(NOTE_START_HEIGHT, [partitionId, height]);

const hashOrNull = (point: PointOrOrigin): string | null => (point === 'origin' ? null : point.id);

const INSERT_HEADERS = `
  insert into blocks (partition_id, hash, height, slot, ancestor, boundary)
  select $1, hash, height, slot, ancestor, boundary
    from unnest($2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::boolean[])
      as h (hash, height, slot, ancestor, boundary)`;

export const insertHeaders = (tx: Tx, partitionId: number, headers: readonly Header[]) =>
  tx.query(INSERT_HEADERS, [
    partitionId,
    headers.map((header) => header.hash),
    headers.map((header) => header.height),
    headers.map((header) => header.slot),
    headers.map((header) => header.ancestor),
    headers.map((header) => header.boundary),
  ]);

const PRUNE_HEADERS = `
  with pruned as (
    delete from blocks where partition_id = $1 and height < $2 returning height, slot, hash, boundary
  )
  insert into block_checkpoints (partition_id, height, slot, hash)
  select $1, height, slot, hash from pruned where height % $3 = 0 and not boundary
  on conflict do nothing`;

export const pruneHeaders = (tx: Tx, partitionId: number, below: number, interval: number) =>
  tx.query(PRUNE_HEADERS, [partitionId, below, interval]);

const DELETE_HEADERS_ABOVE = `
  delete from blocks
   where partition_id = $1 and (height > $2 or (height = $2 and boundary and hash <> $3))`;

export async function deleteHeadersAbove(
  tx: Tx,
  partitionId: number,
  target: { readonly height: number; readonly hash: string },
): Promise<number> {
  const { rowCount } = await tx.query(DELETE_HEADERS_ABOVE, [
    partitionId,
    target.height,
    target.hash,
  ]);
  return rowCount ?? 0;
}

const HEADER_BY_HASH = `
  select hash, height, slot, ancestor, boundary from blocks where partition_id = $1 and hash = $2`;

export async function headerOf(
  db: Queryable,
  partitionId: number,
  hash: string,
): Promise<Header | null> {
  const { rows } = await db.query<HeaderRow>(HEADER_BY_HASH, [partitionId, hash]);
  return rows[0] === undefined ? null : headerFrom(rows[0]);
}

const HEADERS_AT = `
  select hash, height, slot, ancestor, boundary from blocks
   where partition_id = $1 and not boundary and height = any($2::bigint[])
   order by height desc`;

/** Newest first. */
export const headersAt = async (
  db: Queryable,
  partitionId: number,
  heights: readonly number[],
): Promise<Header[]> =>
  heights.length === 0
    ? []
    : (await db.query<HeaderRow>(HEADERS_AT, [partitionId, heights])).rows.map(headerFrom);

const EXTENT = `
  select count(*) as stored, min(slot) as oldest_slot,
         coalesce(bool_or(ancestor is null or height <= 1), true) as complete
    from blocks where partition_id = $1`;

export type Extent = {
  readonly stored: number;
  readonly oldestSlot: number | null;
  /** Whether all that was ever followed is still stored: nothing was pruned. */
  readonly complete: boolean;
};

export async function storedExtent(db: Queryable, partitionId: number): Promise<Extent> {
  const { rows } = await db.query<{
    stored: string;
    oldest_slot: string | null;
    complete: boolean;
  }>(EXTENT, [partitionId]);
  const [row] = rows;
  return {
    stored: Number(row?.stored ?? 0),
    oldestSlot: row?.oldest_slot == null ? null : Number(row.oldest_slot),
    complete: row?.complete ?? true,
  };
}

const POINTS_AT = `
  select slot, hash from blocks
   where partition_id = $1 and not boundary
     and (height = any($2::bigint[])
          or height = (select min(height) from blocks where partition_id = $1 and not boundary))
   order by height desc`;
const CHECKPOINTS = `
  select slot, hash from block_checkpoints where partition_id = $1 order by height desc`;

export const pointsAt = async (db: Queryable, partitionId: number, heights: readonly number[]) =>
  points((await db.query<PointRow>(POINTS_AT, [partitionId, heights])).rows);

export const checkpoints = async (db: Queryable, partitionId: number) =>
  points((await db.query<PointRow>(CHECKPOINTS, [partitionId])).rows);

const IS_OURS = `
  select 1 from blocks where partition_id = $1 and hash = $2
  union all select 1 from block_checkpoints where partition_id = $1 and hash = $2`;

/** Whether a block is on the chain that was applied, as far as headers are kept. */
export const isOurs = async (db: Queryable, partitionId: number, hash: string): Promise<boolean> =>
  (await db.query(IS_OURS, [partitionId, hash])).rows.length > 0;

type PointRow = { slot: string; hash: string };
type HeaderRow = PointRow & { height: string; ancestor: string | null; boundary: boolean };

const points = (rows: readonly PointRow[]): Point[] =>
  rows.map((row) => ({ slot: Number(row.slot) as Slot, id: row.hash }));

const headerFrom = (row: HeaderRow): Header => ({
  hash: row.hash,
  height: Number(row.height),
  slot: Number(row.slot),
  ancestor: row.ancestor,
  boundary: row.boundary,
});
