import type { Queryable } from './transaction.js';

const READ_CLOCK = 'select clock_timestamp() as now';

/** The one clock that all who work on a database have in common. */
export async function readClock(db: Queryable): Promise<Date> {
  const { rows } = await db.query<{ now: Date }>(READ_CLOCK);
  const [row] = rows;
  if (row === undefined) throw new Error('a select returned nothing');
  return row.now;
}
