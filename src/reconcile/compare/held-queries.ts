/**
 * Partitions in which what is deep enough may still wait to be confirmed: the guard holds confirmations, or held
 * them when the last block was applied, because it is the next block that confirms.
 */
export const HELD_PARTITIONS = `
  select g.partition_id from chain_guard g
    left join sync_state s on s.partition_id = g.partition_id
   where g.held_at is not null or s.last_block_height <= g.held_up_to`;
