import type { Queryable, Tx } from '../../database/transaction.js';
import { rewriteDigests } from './recompute.js';

const IS_UNDIGESTED = 'select 1 from sync_state where partition_id = $1 and not digested';
// Books that have a row of it were digested, whatever another hand says of them.
const LACKS_ROWS = `
  select 1
   where not exists (select 1 from state_digests where partition_id = $1)
     and (exists (select 1 from incoming_payments where partition_id = $1 and block_height is not null)
          or exists (select 1 from wallet_outputs
                      where partition_id = $1 and (block_height is not null or counted_from is not null)))`;
const NOTE = 'update sync_state set digested = true where partition_id = $1';

/**
 * A database that was followed by a version without the digest gets it with the first block of this one:
 * from then on it is folded block by block.
 */
export function createDigestUpgrade(partitionId: number) {
  // Once a term: books that have a digest never lose it. One that is gone was taken away, and is no upgrade.
  let mayBeUndigested = true;
  const answers = async (db: Queryable, query: string): Promise<boolean> =>
    (await db.query(query, [partitionId])).rows.length > 0;
  const isUndigested = async (db: Queryable): Promise<boolean> =>
    mayBeUndigested && (await answers(db, IS_UNDIGESTED));
  return {
    async prepare(db: Queryable): Promise<void> {
      mayBeUndigested = await isUndigested(db);
    },
    /** Whether it is to be caught up first: nothing may be added to it until then. */
    isBehind: async (db: Queryable): Promise<boolean> =>
      (await isUndigested(db)) && (await answers(db, LACKS_ROWS)),
    async catchUp(tx: Tx): Promise<void> {
      if (!(await isUndigested(tx))) return;
      if (await answers(tx, LACKS_ROWS)) await rewriteDigests(tx, partitionId, 0);
      await tx.query(NOTE, [partitionId]);
    },
  };
}
