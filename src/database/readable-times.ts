import pg from 'pg';

/** What is read in place of a time that no clock shows, which only another hand writes: 1970 begins. */
export const UNKNOWN_TIME = new Date(0);

const { TIMESTAMPTZ } = pg.types.builtins;
// Its type says nothing of what it takes and gives.
const readByDefault: unknown = pg.types.getTypeParser(TIMESTAMPTZ);
const isReader = (value: unknown): value is (text: string) => unknown =>
  typeof value === 'function';

/** The driver makes a number of `infinity`, and a date that is none of years that JavaScript doesn't count. */
function readTime(text: string): Date {
  const time = isReader(readByDefault) ? readByDefault(text) : null;
  return time instanceof Date && !Number.isNaN(time.getTime()) ? time : UNKNOWN_TIME;
}

/** For each connection: one such time in one row must not keep all others from being read. */
export const readableTimes = new pg.TypeOverrides();
readableTimes.setTypeParser(TIMESTAMPTZ, readTime);
