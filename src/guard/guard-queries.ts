import type { Queryable, Tx } from '../database/transaction.js';
import { DENSITY_WINDOW_SLOTS } from './density.js';
import { readReasons, readWitnesses } from './noted.js';
import { holds, type Reason } from './reasons.js';

/** A witness as it was last heard, for whoever asks how things stand. */
export type HeardWitness = {
  readonly witness: string;
  readonly agrees: boolean;
  readonly verdict: string;
  readonly heardAt: string;
};

export type GuardRow = {
  readonly heldAt: Date | null;
  readonly reasons: readonly Reason[];
  readonly releasedAt: Date | null;
  readonly releasedBy: string | null;
  readonly witnesses: readonly HeardWitness[];
  /** The highest block there was at the last rollback; null before the first one. */
  readonly peakHeight: number | null;
  /** Why thin hours can't be told; null where they can, or needn't. */
  readonly densityUnknown: string | null;
};

const COLUMNS = `
  held_at as "heldAt", reasons, released_at as "releasedAt", released_by as "releasedBy", witnesses,
  peak_height::float8 as "peakHeight", density_unknown as "densityUnknown"`;
const READ = `select ${COLUMNS} from chain_guard where partition_id = $1`;
const CREATE =
  'insert into chain_guard (partition_id) values ($1) on conflict (partition_id) do nothing';
const LOCK = `${READ} for update`;

const NOTHING_KNOWN: GuardRow = {
  heldAt: null,
  reasons: [],
  releasedAt: null,
  releasedBy: null,
  witnesses: [],
  peakHeight: null,
  densityUnknown: null,
};

export const readGuard = (db: Queryable, partitionId: number): Promise<GuardRow> =>
  readWith(db, READ, partitionId);

/** The leader, a rollback and a person may all change it. */
export async function lockGuard(tx: Tx, partitionId: number): Promise<GuardRow> {
  await tx.query(CREATE, [partitionId]);
  return readWith(tx, LOCK, partitionId);
}

type WrittenRow = Omit<GuardRow, 'reasons' | 'witnesses'> & {
  readonly reasons: unknown;
  readonly witnesses: unknown;
};

async function readWith(db: Queryable, query: string, partitionId: number): Promise<GuardRow> {
  const [row] = (await db.query<WrittenRow>(query, [partitionId])).rows;
  if (row === undefined) return NOTHING_KNOWN;
  const { reasons, witnesses } = row;
  return { ...row, reasons: readReasons(reasons), witnesses: readWitnesses(witnesses) };
}

const WAIT_FOR_BLOCK = 'select 1 from sync_state where partition_id = $1 for share';

/**
 * Until the block that is being applied is: it confirms nothing where it began while confirmations were held, and up to
 * which block they were is noted with their end. Comes before the guard's own lock, as in every term.
 */
export const waitForBlock = (tx: Tx, partitionId: number) =>
  tx.query(WAIT_FOR_BLOCK, [partitionId]);

const SAVE_REASONS = `
  update chain_guard
     set reasons = $3::jsonb, held_at = case when $4 then coalesce(held_at, $2) end, updated_at = $2,
         held_up_to = case when held_at is not null and not $4
                           then (select last_block_height from sync_state where partition_id = $1)
                           else held_up_to end
   where partition_id = $1`;

export const saveReasons = (tx: Tx, partitionId: number, at: Date, reasons: readonly Reason[]) =>
  tx.query(SAVE_REASONS, [partitionId, at, JSON.stringify(reasons), holds(reasons)]);

const SAVE_WITNESSES = `
  update chain_guard set witnesses = $3::jsonb, updated_at = $2 where partition_id = $1`;

export const saveWitnesses = (
  tx: Tx,
  partitionId: number,
  at: Date,
  witnesses: readonly HeardWitness[],
) => tx.query(SAVE_WITNESSES, [partitionId, at, JSON.stringify(witnesses)]);

const SAVE_PEAK = `
  update chain_guard set peak_height = $3, updated_at = $2
   where partition_id = $1 and peak_height is distinct from $3`;

export const savePeak = (tx: Tx, partitionId: number, at: Date, height: number) =>
  tx.query(SAVE_PEAK, [partitionId, at, height]);

const SAVE_DENSITY_UNKNOWN = `
  update chain_guard set density_unknown = $3, updated_at = $2 where partition_id = $1`;

export const saveDensityUnknown = (tx: Tx, partitionId: number, at: Date, reason: string | null) =>
  tx.query(SAVE_DENSITY_UNKNOWN, [partitionId, at, reason]);

const NOTE_RELEASE = `
  update chain_guard set released_at = $2, released_by = $3 where partition_id = $1`;

export const noteRelease = (tx: Tx, partitionId: number, at: Date, by: string) =>
  tx.query(NOTE_RELEASE, [partitionId, at, by]);

const AUDIT = `
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  select action, 'chain', $2, $3, details, $1
    from unnest($4::text[], $5::jsonb[]) with ordinality as a (action, details, ord)
   order by ord`;

export type GuardAudit = {
  readonly action: 'guard.held' | 'guard.released';
  readonly details: object;
};

export async function auditGuard(
  tx: Tx,
  partitionId: number,
  at: Date,
  actor: string,
  entries: readonly GuardAudit[],
): Promise<void> {
  if (entries.length === 0) return;
  await tx.query(AUDIT, [
    at,
    partitionId.toString(),
    actor,
    entries.map((entry) => entry.action),
    entries.map((entry) => JSON.stringify(entry.details)),
  ]);
}

const CHAIN = `
  select s.last_slot::float8 as slot, s.last_block_height::float8 as height,
         s.tip_height::float8 as "tipHeight",
         (select min(b.slot) from blocks b where b.partition_id = s.partition_id)
           <= s.last_slot - $2 as covered,
         (select count(*) from blocks b
           where b.partition_id = s.partition_id and not b.boundary
             and b.slot > s.last_slot - $2 and b.slot <= s.last_slot)::int as blocks
    from sync_state s
   where s.partition_id = $1 and s.last_slot is not null and s.last_block_height is not null`;

export type ChainState = {
  readonly slot: number;
  readonly height: number;
  readonly tipHeight: number | null;
  /** Whether the headers that are stored reach back over a whole window. */
  readonly covered: boolean | null;
  readonly blocks: number;
};

/** Where the books are, and how dense their chain is there; null before the first block. */
export const readChainState = async (
  db: Queryable,
  partitionId: number,
): Promise<ChainState | null> =>
  (await db.query<ChainState>(CHAIN, [partitionId, DENSITY_WINDOW_SLOTS])).rows[0] ?? null;

const OURS_AMONG = `
  select hash from blocks where partition_id = $1 and hash = any($2::text[])
  union all select hash from block_checkpoints where partition_id = $1 and hash = any($2::text[])`;

/** Those of these blocks that are on the chain that was applied. */
export async function oursAmong(
  db: Queryable,
  partitionId: number,
  hashes: readonly string[],
): Promise<ReadonlySet<string>> {
  if (hashes.length === 0) return new Set();
  const { rows } = await db.query<{ hash: string }>(OURS_AMONG, [partitionId, hashes]);
  return new Set(rows.map(({ hash }) => hash));
}

const OFFERED = `
  (select height::float8 as height, slot::float8 as slot, hash from blocks
    where partition_id = $1 and not boundary
      and (height = any($2::bigint[])
           or height = (select min(height) from blocks where partition_id = $1 and not boundary)))
  union all
  (select height::float8, slot::float8, hash from block_checkpoints
    where partition_id = $1 order by block_checkpoints.height desc limit 4)
  order by height desc`;

export type OfferedBlock = {
  readonly height: number;
  readonly slot: number;
  readonly hash: string;
};

/** Of our chain at these heights, its oldest stored block, and some from before; newest first. */
export const offeredBlocks = async (
  db: Queryable,
  partitionId: number,
  heights: readonly number[],
): Promise<OfferedBlock[]> => (await db.query<OfferedBlock>(OFFERED, [partitionId, heights])).rows;
