import pg from 'pg';

/** One connection's time outside of the pool. */
export type Loan = { readonly client: pg.PoolClient };

export type BusyClients = {
  readonly now: () => readonly Loan[];
  /** Breaks those connections that were not given back since: what waits for them fails at once. */
  readonly end: (loans: readonly Loan[]) => void;
  readonly unwatch: () => void;
};

/**
 * Knows which connections of a pool are in use. A query over a network that was cut is answered by
 * nobody: TCP gives up after a quarter of an hour, and a time limit for queries would also end those
 * that have a reason to take long.
 */
export function watchBusyClients(pool: pg.Pool): BusyClients {
  const loans = new Map<pg.PoolClient, Loan>();
  const onAcquire = (client: pg.PoolClient): void => void loans.set(client, { client });
  const onRelease = (_: Error, client: pg.PoolClient): void => void loans.delete(client);
  pool.on('acquire', onAcquire);
  pool.on('release', onRelease);
  return {
    now: () => [...loans.values()],
    end: (wanted) => {
      for (const loan of wanted) {
        if (loans.get(loan.client) !== loan) continue;
        // With a query under way it doesn't say goodbye, it breaks the socket.
        if (loan.client instanceof pg.Client) void loan.client.end().catch(() => undefined);
      }
    },
    unwatch: () => {
      pool.off('acquire', onAcquire);
      pool.off('release', onRelease);
    },
  };
}

/** A transaction may end after a lock is lost, its fence judges it; one that doesn't never will. */
const HANGING_MS = 5_000;

/** Who lost its lock because the database fell silent must not wait for that database's answers. */
export function endWhatHangs(busy: BusyClients, lost: AbortSignal): () => void {
  let timer: NodeJS.Timeout | undefined;
  const onLost = (): void => {
    const loans = busy.now();
    timer = setTimeout(() => busy.end(loans), HANGING_MS);
  };
  lost.addEventListener('abort', onLost, { once: true });
  return () => {
    lost.removeEventListener('abort', onLost);
    clearTimeout(timer);
  };
}
