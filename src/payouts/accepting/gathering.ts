import type { Pool } from 'pg';
import { isTransient } from '../../database/pool.js';
import { type AcceptanceDeps, type AcceptOutcome, acceptPayouts } from './acceptance.js';
import type { PayoutRequest } from './request.js';

/** `busy`: more is waiting than can be accepted soon. */
export type Acceptance = {
  accept(request: PayoutRequest): Promise<AcceptOutcome | { readonly type: 'busy' }>;
};

/** Tells the queue that there is something to pay; it never fails and is never waited for. */
export type Nudge = (ids: readonly string[]) => void;

/** One of them gathers while the other commits; more would only take connections from the rest. */
const BATCHES_AT_ONCE = 2;
/** A transaction of so many takes some 50 ms, and locks balances for as long. */
const BATCH_MAX = 200;
/** Some seconds' worth. Who waits longer has given up, and asks again. */
const WAITING_MAX = 5_000;
/** Deadlocks and the like: the same again succeeds. */
const ATTEMPTS = 3;

type Waiting = {
  readonly request: PayoutRequest;
  readonly resolve: (outcome: AcceptOutcome) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Accepts requests together that come while others are being accepted: nobody waits for company, and
 * a transaction's price is shared when there is any.
 */
export function createAcceptance(pool: Pool, deps: AcceptanceDeps, nudge: Nudge): Acceptance {
  let waiting: Waiting[] = [];
  const underWay = new Set<string>();
  let running = 0;
  let scheduled = false;

  const next = (): Waiting[] => {
    const batch: Waiting[] = [];
    const rest: Waiting[] = [];
    for (const one of waiting) {
      // Two with the same id: the second sees what became of the first.
      if (batch.length === BATCH_MAX || underWay.has(one.request.id)) rest.push(one);
      else {
        underWay.add(one.request.id);
        batch.push(one);
      }
    }
    waiting = rest;
    return batch;
  };
  const startAll = (): void => {
    scheduled = false;
    while (running < BATCHES_AT_ONCE && waiting.length > 0) {
      const batch = next();
      if (batch.length === 0) return;
      running += 1;
      void settle(pool, batch, deps, nudge).finally(() => {
        running -= 1;
        for (const { request } of batch) underWay.delete(request.id);
        startAll();
      });
    }
  };
  return {
    accept: (request) => {
      if (waiting.length >= WAITING_MAX) return Promise.resolve({ type: 'busy' });
      return new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject });
        if (scheduled) return;
        scheduled = true;
        // After everything that arrived in this turn of the event loop.
        setImmediate(startAll);
      });
    },
  };
}

async function settle(
  pool: Pool,
  batch: readonly Waiting[],
  deps: AcceptanceDeps,
  nudge: Nudge,
): Promise<void> {
  try {
    const requests = batch.map(({ request }) => request);
    const outcomes = await persistently(() => acceptPayouts(pool, requests, deps));
    for (const [index, { resolve, reject }] of batch.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) reject(new Error('a request without an outcome'));
      else resolve(outcome);
    }
    nudgeFor(outcomes, nudge);
  } catch (error) {
    if (batch.length === 1 || isTransient(error)) {
      for (const { reject } of batch) reject(error);
      return;
    }
    // One of them is what the database can't take: the others needn't suffer for it.
    for (const one of batch) await settle(pool, [one], deps, nudge);
  }
}

function nudgeFor(outcomes: readonly AcceptOutcome[], nudge: Nudge): void {
  const ids = outcomes.flatMap((outcome) =>
    outcome.type === 'created' && outcome.payout.status === 'queued' ? [outcome.payout.id] : [],
  );
  if (ids.length > 0) nudgeSafely(nudge, ids);
}

/** What is committed stays accepted, whatever the queue does: the sweeper finds what it wasn't told of. */
export function nudgeSafely(nudge: Nudge, ids: readonly string[]): void {
  try {
    nudge(ids);
  } catch {
    // Its own part says what is wrong with the queue.
  }
}

/** Both mean that nothing was committed. */
const ROLLED_BACK = new Set(['40001', '40P01']);

async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (attempt === ATTEMPTS || !ROLLED_BACK.has(code)) throw error;
    }
  }
}
