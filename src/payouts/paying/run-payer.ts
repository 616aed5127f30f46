import { setTimeout as sleep } from 'node:timers/promises';
import { endWhatHangs, watchBusyClients } from '../../database/busy-clients.js';
import { waitForLeadership } from '../../sync/leader.js';
import { pay } from './payer.js';
import type { PayerDeps } from './payer-deps.js';
import { beginPayerTerm, NotNow, type PayerTerm } from './term-queries.js';

/** Somebody wants the payer to look now instead of at the next sweep. */
export type Nudges = {
  /** Calls back for every nudge, until the signal aborts. Never rejects. */
  consume(onNudge: () => Promise<void>, signal: AbortSignal): Promise<void>;
};

export type PayerOptions = {
  /** A session-mode connection for the payer's lock. */
  readonly directUrl: string;
  readonly nudges: Nudges;
  /** Without any nudge, a round comes this often: a lost queue only makes payouts slower. */
  readonly sweepMs: number;
};

export const PAYER_LOCK_CLASS = 0x70617900; // "pay"
/** Below this rounds would only take turns with each other. */
const PAUSE_MS_MIN = 50;
const RETRY_MS = 1_000;

/** Stands by, pays, until the signal aborts. One instance pays at a time; the fence in the database holds it. */
export async function runPayer(
  deps: Omit<PayerDeps, 'launch'>,
  options: PayerOptions,
  signal: AbortSignal,
): Promise<void> {
  const busy = watchBusyClients(deps.pool);
  try {
    while (!signal.aborted) {
      const lock = await waitForLeadership(options.directUrl, deps.partitionId, signal, {
        lockClass: PAYER_LOCK_CLASS,
      }).catch(() => null);
      if (lock === null) return;
      const forget = endWhatHangs(busy, lock.lost);
      try {
        await lead(deps, options, AbortSignal.any([signal, lock.lost]));
      } finally {
        forget();
        await lock.release();
      }
    }
  } finally {
    busy.unwatch();
  }
}

async function lead(
  deps: Omit<PayerDeps, 'launch'>,
  options: PayerOptions,
  signal: AbortSignal,
): Promise<void> {
  const ending = new AbortController();
  const whileLeading = AbortSignal.any([signal, ending.signal]);
  const submissions = createSubmissions();
  const bell = createBell();
  let consuming: Promise<void> = Promise.resolve();
  try {
    const term = await beginPayerTerm(deps.pool);
    deps.observe({ type: 'payer_acquired', epoch: term.epoch });
    consuming = options.nudges.consume(() => {
      bell.ring();
      return Promise.resolve();
    }, whileLeading);
    await rounds(
      { ...deps, launch: submissions.launch },
      term,
      bell,
      options.sweepMs,
      whileLeading,
    );
    deps.observe({ type: 'payer_lost', reason: describe(signal.reason) });
  } catch (error) {
    deps.observe({ type: 'payer_lost', reason: describe(signal.aborted ? signal.reason : error) });
    await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
  } finally {
    ending.abort(new Error('the term is over'));
    await Promise.all([submissions.settled(), consuming]);
  }
}

/** Round after round; throws when the term is over or the database is away. */
async function rounds(
  deps: PayerDeps,
  term: PayerTerm,
  bell: Bell,
  sweepMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await pay(deps, term, signal);
    } catch (error) {
      // Paused or held in the middle of a round; a term that is over shows with the next one.
      if (!(error instanceof NotNow) || (await isOver(deps, term))) throw error;
    }
    // Who waits for others to join its transaction is looked after when that wait is over.
    const wait = Math.min(sweepMs, Math.max(PAUSE_MS_MIN, deps.batch.waitMs));
    await bell.wait(wait, signal);
    await sleep(PAUSE_MS_MIN, undefined, { signal }).catch(() => undefined);
  }
}

const TERM = 'select 1 from payout_control where payer_epoch = $1 and payer_token = $2';

const isOver = async ({ pool }: PayerDeps, term: PayerTerm): Promise<boolean> =>
  (await pool.query(TERM, [term.epoch.toString(), term.token])).rows.length === 0;

/** A node may take minutes for an answer: what is signed next doesn't wait for it. */
const SUBMISSIONS_MAX = 16;

function createSubmissions() {
  const running = new Map<string, Promise<void>>();
  return {
    launch: async (txHash: string, submit: () => Promise<void>): Promise<void> => {
      if (running.has(txHash)) return;
      if (running.size >= SUBMISSIONS_MAX) await Promise.race(running.values());
      // What fails is found by the next round: the transaction is due again.
      const done = submit()
        .catch(() => undefined)
        .finally(() => running.delete(txHash));
      running.set(txHash, done);
    },
    settled: async (): Promise<void> => {
      await Promise.all(running.values());
    },
  };
}

type Bell = {
  readonly ring: () => void;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
};

/** Rings that come while nobody waits are heard at the next wait, as one. */
function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | null = null;
  return {
    ring: () => {
      rung = true;
      wake?.();
    },
    wait: async (ms, signal) => {
      if (!rung) {
        const timer = new AbortController();
        await Promise.race([
          sleep(ms, undefined, { signal: AbortSignal.any([signal, timer.signal]) }).catch(
            () => undefined,
          ),
          new Promise<void>((resolve) => {
            wake = resolve;
          }),
        ]);
        timer.abort();
      }
      rung = false;
      wake = null;
    },
  };
}

const describe = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
