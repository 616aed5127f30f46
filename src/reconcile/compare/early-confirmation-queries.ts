import { SECURITY_PARAMETER_BLOCKS } from '../../chain/point.js';

// No tier asks for more confirmations than k: what lies deeper is deep enough. "offset 0" has what lies above looked
// for first, by the index of heights, and only then the events of what is left.
const notDeep = (height: 'block_height' | 'counted_from', isThere: string): string => `
  select p.partition_id, p.tx_hash, p.output_index, p.inclusion, p.address, p.user_id, p.required_confirmations,
         s.last_block_height - p.${height} + 1 as confirmations
    from sync_state s
   cross join lateral (
     select * from incoming_payments i
      where i.partition_id = s.partition_id
        and i.${height} > s.last_block_height - ${SECURITY_PARAMETER_BLOCKS} and i.${height} <= s.last_block_height
     offset 0) as p
   where p.status = 'confirmed' and p.${height} > s.last_block_height - (p.required_confirmations - 1) and ${isThere}`;

/**
 * Payments that say `confirmed`, aren't deep enough at the cursor, and never were: no event tells of their inclusion
 * that it is. A rollback that makes a confirmed one less deep leaves its event.
 */
export const EARLY_CONFIRMATIONS = `
  select * from (
    ${notDeep('block_height', 'true')}
    union all
    ${notDeep('counted_from', 'p.block_height is null')}
    offset 0) as p
   where (select true from outbox o
           where o.event_key = 'payment.confirmed:' || p.tx_hash || '#' || p.output_index || ':' || p.inclusion) is null`;
