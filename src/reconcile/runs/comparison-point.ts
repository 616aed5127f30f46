import type { Pool } from 'pg';
import type { Point } from '../../chain/point.js';
import { atOneMoment, type Tx } from '../../database/transaction.js';
import { hasHeaders, readCursorProblem } from '../../payments/cursor/cursor-queries.js';
import { remedyOf } from '../../payments/cursor/judge-cursor.js';
import { isOurs, readCursor } from '../../sync/queries.js';

/** Records and chain are compared right after this block. */
export type ComparisonPoint = { readonly point: Point; readonly height: number };

/** The block of the comparison was rolled back, or no node holds its ledger any more. */
export class PointLost extends Error {
  override readonly name = 'PointLost';
}

/** There is nothing yet, or nothing any more, that could be compared; the message says what to do. */
export class NotComparable extends Error {
  override readonly name = 'NotComparable';
  /** Whether it is over once blocks were followed; else nothing but a person ends it. */
  readonly passesByItself: boolean;

  constructor(message: string, { passesByItself = false } = {}) {
    super(message);
    this.passesByItself = passesByItself;
  }
}

/** Nothing is compared with a chain by a cursor that another hand changed. @throws NotComparable */
export async function expectCursor(pool: Pool, partitionId: number): Promise<void> {
  const problem = await readCursorProblem(pool, partitionId);
  if (problem === null) return;
  throw new NotComparable(
    `${problem.wrong}. Nothing was compared, and nothing changed. ${remedyOf(problem)}`,
  );
}

/** The last block that the books hold. @throws NotComparable */
export async function lastRecordedPoint(pool: Pool, partitionId: number): Promise<ComparisonPoint> {
  await expectCursor(pool, partitionId);
  const cursor = await readCursor(pool, partitionId);
  if (cursor === null || cursor.point === 'origin' || cursor.height === null) {
    throw new NotComparable(
      'this database has not followed a block yet, so there is nothing to compare with the chain: ' +
        'start `teller run` and wait until it has applied its first block',
      { passesByItself: true },
    );
  }
  if (!(await hasHeaders(pool, partitionId))) {
    throw new NotComparable(
      'the books keep no header of the block that they end with, so nobody can tell whether it is still ' +
        'part of the chain: wait until `teller run` has applied the next block',
      { passesByItself: true },
    );
  }
  return { point: cursor.point, height: cursor.height };
}

/** Reads books of which it is sure that they still stand on the block. @throws PointLost */
export const readAtPoint = <T>(
  pool: Pool,
  partitionId: number,
  { point }: ComparisonPoint,
  work: (tx: Tx) => Promise<T>,
): Promise<T> =>
  // What is read and the check that it may be believed have to see the same moment.
  atOneMoment(pool, async (tx) => {
    if (!(await isOurs(tx, partitionId, point.id))) {
      throw new PointLost(`block ${point.id} is no longer on the chain that is followed`);
    }
    return work(tx);
  });
