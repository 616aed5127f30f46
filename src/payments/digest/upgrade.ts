import type { Queryable, Tx } from '../../database/transaction.js';
import { rewriteDigests } from './recompute.js';

const IS_BEHIND = `
  select 1
   where not exists (select 1 from state_digests where partition_id = $1)
     and (exists (select 1 from incoming_payments
                   where partition_id = $1 and block_height is not null)
          or exists (select 1 from wallet_outputs
                      where partition_id = $1
                        and (block_height is not null or counted_from is not null)))`;

/**
 * A database that was followed by a version without the digest gets it with the first block of this one:
 * from then on it is folded block by block.
 */
export function createDigestUpgrade(partitionId: number) {
  // Once a term: books that have a digest never lose it.
  let mayBeBehind = true;
  const look = async (db: Queryable): Promise<boolean> =>
    mayBeBehind && (await db.query(IS_BEHIND, [partitionId])).rows.length > 0;
  return {
    async prepare(db: Queryable): Promise<void> {
      mayBeBehind = await look(db);
    },
    /** Whether it is to be caught up first: nothing may be added to it until then. */
    isBehind: look,
    async catchUp(tx: Tx): Promise<void> {
      if (await look(tx)) await rewriteDigests(tx, partitionId, 0);
    },
  };
}
