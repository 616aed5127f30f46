import type { Pool } from 'pg';
import type { Height } from '../chain/point.js';
import type { Queryable } from '../database/transaction.js';
import type { Cursor } from './events.js';
import type { BlockHandlers } from './follower.js';
import { readCursor } from './queries.js';

/**
 * The height that headers prove of the cursor's block, where the cursor has another: it is the highest header, and
 * stands on the one below it, or is where the books began.
 */
export const PROVEN_HEIGHT = `
  select h.height from sync_state s
    join blocks h on h.partition_id = s.partition_id and h.hash = s.last_block_hash
   where s.partition_id = $1 and s.started and h.height is distinct from s.last_block_height
     and not exists (select from blocks b
                      where b.partition_id = $1 and (b.height, b.boundary) > (h.height, h.boundary))
     and (h.ancestor is null and h.height = s.start_height
          or exists (select from blocks b
                      where b.partition_id = $1 and b.hash = h.ancestor
                        and b.height = h.height - case when h.boundary then 0 else 1 end))`;

/**
 * Where the books are, for whoever goes on from there; null: they may begin. A slot that another hand changed is
 * set right by the node's first answer, a height by nothing that a node says.
 *
 * @throws BooksContradict where nobody can tell where they are
 */
export async function takeUpCursor<S>(
  pool: Pool,
  partitionId: number,
  handlers: Pick<BlockHandlers<S>, 'expectCursor'>,
): Promise<Cursor | null> {
  await handlers.expectCursor?.(pool);
  const cursor = await readCursor(pool, partitionId);
  const height = await provenHeight(pool, partitionId);
  return cursor === null || height === null ? cursor : { ...cursor, height };
}

async function provenHeight(db: Queryable, partitionId: number): Promise<Height | null> {
  const { rows } = await db.query<{ height: string }>(PROVEN_HEIGHT, [partitionId]);
  const [row] = rows;
  return row === undefined ? null : (Number(row.height) as Height);
}
