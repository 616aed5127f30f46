import type { Queryable } from '../database/transaction.js';

/** A block as `/status` shows it. Slot and hash are null at the origin, the height also at a start point. */
export type Position = {
  readonly slot: number | null;
  readonly hash: string | null;
  readonly height: number | null;
};

/** What the leader last wrote, for those that aren't the leader. */
export type SyncState = {
  readonly network: string;
  readonly started: boolean;
  readonly leaderEpoch: number;
  readonly cursor: Position;
  /** Null until a leader heard of one. */
  readonly tip: Position | null;
  readonly updatedAt: Date;
};

const READ = `
  select network, started, leader_epoch, last_slot, last_block_hash, last_block_height,
         tip_slot, tip_hash, tip_height, updated_at
    from sync_state where partition_id = $1`;

type Row = {
  network: string;
  started: boolean;
  leader_epoch: string;
  last_slot: string | null;
  last_block_hash: string | null;
  last_block_height: string | null;
  tip_slot: string | null;
  tip_hash: string | null;
  tip_height: string | null;
  updated_at: Date;
};

/** Null where no leader ever was. */
export async function readSyncState(db: Queryable, partitionId: number): Promise<SyncState | null> {
  const { rows } = await db.query<Row>(READ, [partitionId]);
  const [row] = rows;
  if (row === undefined) return null;
  const tip = positionFrom(row.tip_slot, row.tip_hash, row.tip_height);
  return {
    network: row.network,
    started: row.started,
    leaderEpoch: Number(row.leader_epoch),
    cursor: positionFrom(row.last_slot, row.last_block_hash, row.last_block_height),
    tip: tip.height === null ? null : tip,
    updatedAt: row.updated_at,
  };
}

const positionFrom = (
  slot: string | null,
  hash: string | null,
  height: string | null,
): Position => ({
  slot: slot === null ? null : Number(slot),
  hash,
  height: height === null ? null : Number(height),
});

/** Blocks behind the stored tip, never below zero; null while one of the heights is unknown. */
export function storedLag(state: SyncState): number | null {
  if (!state.started || state.tip?.height == null) return null;
  const reached = state.cursor.hash === null ? 0 : state.cursor.height;
  return reached === null ? null : Math.max(0, state.tip.height - reached);
}
