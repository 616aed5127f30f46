import type { Block } from '../../chain/block.js';
import type { Height, Point } from '../../chain/point.js';
import type { Queryable } from '../../database/transaction.js';
import { PlaceUnknown } from '../../sync/chain-view.js';
import type { Cursor, LinkedBlock } from '../../sync/events.js';
import { isOurs } from '../../sync/queries.js';
import { NotComparable, PointLost } from './comparison-point.js';
import type { Work } from './run-work.js';

const FLOOR = `
  select height, slot, hash from (
    (select height, slot, hash from blocks
      where partition_id = $1 and not boundary and height <= $2 order by height desc limit 1)
    union all
    (select height, slot, hash from block_checkpoints
      where partition_id = $1 and height <= $2 order by height desc limit 1)
  ) f order by height desc limit 1`;

const ORIGIN: Cursor = { point: 'origin', height: null };

/** The highest known block at or below a height; the origin where none is known. */
async function floorOf(db: Queryable, partitionId: number, height: number): Promise<Cursor> {
  const { rows } = await db.query<{ height: string; slot: string; hash: string }>(FLOOR, [
    partitionId,
    height,
  ]);
  const [row] = rows;
  if (row === undefined) return ORIGIN;
  const point = { slot: Number(row.slot) as Point['slot'], id: row.hash };
  return { point, height: Number(row.height) as Height };
}

/**
 * Blocks above a height up to the point of the comparison, on the chain that the books stand on.
 *
 * @throws PointLost where the node's chain isn't that one any more
 */
export async function* readBlocks(
  work: Pick<Work, 'pool' | 'partitionId' | 'at' | 'chain' | 'signal'>,
  above: number,
  upTo: number,
): AsyncGenerator<LinkedBlock<Block>[], void, void> {
  const { pool, partitionId, at, chain } = work;
  const floor = await floorOf(pool, partitionId, above);
  const ended = new AbortController();
  const stop = (): void => ended.abort(work.signal.reason);
  work.signal.addEventListener('abort', stop, { once: true });
  let begun = false;
  try {
    for await (const reading of chain.read([floor], ended.signal)) {
      work.signal.throwIfAborted();
      if (reading.type === 'backward') {
        const isBelow = reading.point === 'origin' || reading.point.slot < at.point.slot;
        if (begun && isBelow) throw new PointLost(`the chain forked below block ${at.point.id}`);
        begun = true;
        continue;
      }
      begun = true;
      const last = reading.blocks.at(-1)?.block.height ?? above;
      expectPoint(reading.blocks, work);
      const wanted = reading.blocks.filter(
        ({ block }) => block.height > above && block.height <= upTo,
      );
      if (wanted.length > 0) yield wanted;
      if (last >= upTo) return;
    }
  } catch (error) {
    if (!(error instanceof PlaceUnknown)) throw error;
    throw new PointLost('the node does not know the blocks that are recorded', { cause: error });
  } finally {
    work.signal.removeEventListener('abort', stop);
    ended.abort();
  }
}

function expectPoint(blocks: readonly LinkedBlock<Block>[], { at }: Pick<Work, 'at'>): void {
  const there = blocks.find(({ block }) => block.type !== 'ebb' && block.height === at.height);
  if (there !== undefined && there.block.id !== at.point.id) {
    throw new PointLost(`block ${at.point.id} is not on the node's chain`);
  }
}

/** Another hand took away the header that would tell whether a block is on the chain that is followed. */
export class HeaderMissing extends NotComparable {
  constructor(readonly what: string) {
    super(`${what}; \`teller reconcile --repair\` reads headers again`);
  }
}

const AROUND = `
  select min(height)::text as oldest, max(height)::text as newest,
         bool_or(height = $2 and boundary = $3) as "isKept"
    from blocks where partition_id = $1`;

/**
 * What was read and isn't ours was of a fork. Below what is stored of headers no fork reaches.
 *
 * @throws HeaderMissing
 */
export async function expectOurs(
  work: Pick<Work, 'pool' | 'partitionId'>,
  block: LinkedBlock<Block>,
): Promise<void> {
  const { pool, partitionId } = work;
  if (await isOurs(pool, partitionId, block.block.id)) return;
  const { height, type } = block.block;
  type Row = { oldest: string | null; newest: string | null; isKept: boolean };
  const values = [partitionId, height, type === 'ebb'];
  const [around] = (await pool.query<Row>(AROUND, values)).rows;
  if (around === undefined || around.oldest === null || height < Number(around.oldest)) return;
  if (!around.isKept && height < Number(around.newest)) {
    throw new HeaderMissing(
      `no header of block ${height} is kept, so nobody can tell whether the node's is on the chain that is ` +
        'followed: another hand changed blocks',
    );
  }
  throw new PointLost(`block ${block.block.id} is not on the chain that is followed`);
}
