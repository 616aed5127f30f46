import type { Pool, PoolClient, QueryResult, QueryResultRow } from 'pg';

/** Anything that answers a query. */
export type Queryable = {
  query<R extends QueryResultRow>(text: string, values?: unknown[]): Promise<QueryResult<R>>;
};

/** An open transaction. A pool is none on purpose: a query can't escape its transaction. */
export type Tx = Queryable & { readonly open: 'transaction' };

/** Compiling takes longer than running (pool.ts), and not every session says so at its start. */
export const BEGIN = 'begin; set local jit = off';

/**
 * Commits what `work` did, or nothing. When the rollback itself fails the connection is thrown away
 * and the first error is the one that is told.
 */
export async function inTransaction<T>(pool: Pool, work: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // Cut between two statements, the error has no query to fail; unheard it would end the process.
  // The next statement fails by itself.
  client.on('error', ignore);
  try {
    await client.query(BEGIN);
    const result = await work(transactionOf(client));
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: unknown) => {
      broken = failure instanceof Error ? failure : new Error(String(failure));
    });
    throw error;
  } finally {
    client.off('error', ignore);
    client.release(broken);
  }
}

const ONE_MOMENT = 'set transaction isolation level repeatable read, read only';

/** Reads what several statements ask as it was at one moment, whatever is committed meanwhile. */
export const atOneMoment = <T>(pool: Pool, read: (tx: Tx) => Promise<T>): Promise<T> =>
  inTransaction(pool, async (tx) => {
    await tx.query(ONE_MOMENT);
    return read(tx);
  });

const DEADLOCK = '40P01';
const ATTEMPTS = 3;

/** Again where PostgreSQL chose this one of two that waited for each other: nothing of it happened. */
export async function againAfterDeadlock<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const isVictim = error instanceof Error && 'code' in error && error.code === DEADLOCK;
      if (!isVictim || attempt === ATTEMPTS) throw error;
    }
  }
}

const ignore = (): void => undefined;

const transactionOf = (client: PoolClient): Tx => ({
  open: 'transaction',
  query: <R extends QueryResultRow>(text: string, values?: unknown[]) =>
    client.query<R>(text, values),
});
