import type { Pool } from 'pg';
import type { OutputReference } from '../chain/block.js';
import { type Point, SECURITY_PARAMETER_BLOCKS, type TipOrOrigin } from '../chain/point.js';
import type { UnspentOutput } from '../chain/utxo.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import type { LedgerView } from './chain-view.js';
import { type Choice, dialOf, type Endpoints } from './endpoints.js';
import type { Cursor, SyncEvent } from './events.js';
import { acquireLedger, isPointGone } from './ledger-state.js';
import { moveCursor, type Term } from './queries.js';
import { withTimeLimit } from './time-limit.js';

/** The books as they are after one block and before the next. */
export type BooksBetween = {
  readonly pool: Pool;
  readonly point: Point;
  readonly height: number;
  /** In the ledger as it was right after that block. Rejects where the node can't tell in time. */
  unspentAt(addresses: readonly string[]): Promise<readonly UnspentOutput[]>;
  /** Those of them that are unspent in it; quick. */
  unspentAmong(references: readonly OutputReference[]): Promise<readonly UnspentOutput[]>;
  /** Begins with the fence. Null, and nothing done, where the books have moved on meanwhile. */
  write<T>(work: (tx: Tx, at: Date) => Promise<T>): Promise<T | null>;
};

/** `moved`: to be done again after the next block. */
export type BetweenOutcome =
  | 'nothing_to_do'
  | 'moved'
  | { readonly found: number; readonly contradicted?: Contradicted };
/** What another hand changed so that it can't be recorded; everything else is. */
export type Contradicted = {
  /** How many addresses are left out. */
  readonly addresses: number;
  /** Of those that weren't told of yet: which, and why. */
  readonly news: readonly string[];
};
export type WorkBetween = (books: BooksBetween) => Promise<BetweenOutcome>;

export type BetweenDeps<S> = {
  readonly pool: Pool;
  readonly term: Term;
  readonly work: WorkBetween;
  readonly ask: <T>(
    point: Point,
    question: (ledger: LedgerView) => Promise<T>,
    signal: AbortSignal,
  ) => Promise<T>;
  readonly observe: (event: SyncEvent<S>) => void;
  /** Milliseconds of any monotonic clock. */
  readonly clock: () => number;
};

export type Between<S> = {
  /** Tells on what it is told, and hears it: all that following the chain tells. */
  readonly observe: (event: SyncEvent<S>) => void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
};

/** The questions go where the session goes, with the key that worked there. */
export function workBetween<S>(
  deps: Pick<BetweenDeps<S>, 'pool' | 'observe'> & { readonly endpoints: Endpoints },
  term: Term,
  work: WorkBetween | undefined,
  choice: Choice,
  signal: AbortSignal,
): Between<S> {
  const { pool, observe, endpoints } = deps;
  if (work === undefined) return { observe, settled: () => Promise.resolve() };
  const ask: BetweenDeps<S>['ask'] = async (point, question, until) => {
    const limits = { timeoutMs: QUESTION_MS_MAX, signal: until };
    const ledger = await acquireLedger(dialOf(endpoints, choice), point, limits);
    try {
      return await question(ledger);
    } finally {
      await ledger.release();
    }
  };
  return createBetween({ pool, term, work, ask, observe, clock: () => performance.now() }, signal);
}

/** By address a node of mainnet walks its whole ledger: seconds, at times a minute and a half. */
const QUESTION_MS_MAX = 120_000;
const TRY_MS_MAX = 150_000;
/** A node that fails is left alone for a while; a block that it rolled back isn't its failure. */
const RETRY_MS = 10_000;

/**
 * Does work that needs the node's ledger, once the books are within k blocks of its tip: deeper ledgers
 * it doesn't keep. It never stands in the way of following: the question is asked beside the chain, and
 * the fence refuses the answer where a block has come meanwhile, which on a real chain is seldom.
 */
export function createBetween<S>(deps: BetweenDeps<S>, signal: AbortSignal): Between<S> {
  let latest: Where | null = null;
  let running: Promise<void> | null = null;
  let notBefore = Number.NEGATIVE_INFINITY;

  /** True where it is to be tried again at once. */
  const attempt = async (where: Where): Promise<boolean> => {
    try {
      const outcome = await deps.work(booksAt(deps, where, signal));
      if (typeof outcome === 'object') {
        const { cursor } = where;
        const { found, contradicted } = outcome;
        deps.observe({ type: 'ledger_asked', cursor, found });
        if (contradicted !== undefined) {
          deps.observe({ type: 'past_contradicted', cursor, ...contradicted });
        }
      }
      return outcome === 'moved';
    } catch (error) {
      if (signal.aborted) return false;
      const reason = error instanceof Error ? error.message : String(error);
      deps.observe({ type: 'ledger_query_failed', cursor: where.cursor, reason });
      const gone = isPointGone(error);
      if (!gone) notBefore = deps.clock() + RETRY_MS;
      return gone;
    }
  };
  const run = async (): Promise<void> => {
    let tried: Where | null = null;
    // The same books again would give the same answer: the next event comes with others.
    while (latest !== null && latest !== tried && !signal.aborted) {
      tried = latest;
      if (!(await attempt(tried))) return;
    }
  };
  const hear = (event: SyncEvent<S>): void => {
    if (event.type !== 'forward' && event.type !== 'backward' && event.type !== 'tip') return;
    latest = whereOf(event.cursor, event.tip);
    if (latest === null || running !== null || signal.aborted) return;
    if (deps.clock() < notBefore) return;
    running = run().finally(() => {
      running = null;
    });
  };
  return {
    observe: (event) => {
      deps.observe(event);
      hear(event);
    },
    settled: async () => {
      await running;
    },
  };
}

type Where = {
  readonly cursor: Cursor;
  readonly point: Point;
  readonly height: number;
  readonly tip: TipOrOrigin;
};

function whereOf(cursor: Cursor, tip: TipOrOrigin): Where | null {
  const { point, height } = cursor;
  if (point === 'origin' || height === null || tip === 'origin') return null;
  if (tip.height - height > SECURITY_PARAMETER_BLOCKS) return null;
  return { cursor, point, height, tip };
}

const booksAt = <S>(
  { pool, term, ask }: BetweenDeps<S>,
  { cursor, point, height, tip }: Where,
  signal: AbortSignal,
): BooksBetween => ({
  pool,
  point,
  height,
  unspentAt: (addresses) =>
    withTimeLimit(signal, TRY_MS_MAX, (limited) =>
      ask(point, (ledger) => ledger.atAddresses(addresses), limited),
    ),
  unspentAmong: (references) =>
    withTimeLimit(signal, TRY_MS_MAX, (limited) =>
      ask(point, (ledger) => ledger.among(references), limited),
    ),
  write: (work) =>
    inTransaction(pool, async (tx) => {
      const at = await moveCursor(tx, term, cursor, cursor, tip);
      return at === null ? null : work(tx, at);
    }),
});
