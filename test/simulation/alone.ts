import type pg from 'pg';

/**
 * Another hand's transaction, where no actor stands in its way.
 *
 * @param first what it takes before anything else
 * @returns null, and nothing is done, where somebody stands there or there is nothing to do
 */
export async function alone<T>(
  pool: pg.Pool,
  first: string | null,
  work: (client: pg.PoolClient) => Promise<T | null>,
): Promise<T | null> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query("set local lock_timeout = '50ms'");
    if (first !== null) await client.query(first);
    const result = await work(client);
    await client.query(result === null ? 'rollback' : 'commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    // An actor stands in the middle of a transaction that holds these rows: another time.
    if (error instanceof Error && 'code' in error && error.code === '55P03') return null;
    throw error;
  } finally {
    client.release();
  }
}
