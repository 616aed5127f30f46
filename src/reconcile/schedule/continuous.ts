import { SECURITY_PARAMETER_BLOCKS } from '../../chain/point.js';
import { inTransaction } from '../../database/transaction.js';
import { TermOver } from '../../sync/follower.js';
import type { Leadership, LeadingTask } from '../../sync/leadership.js';
import { readCursor } from '../../sync/queries.js';
import type { Dispute } from '../compare/disputes.js';
import { readEmptyDisputes } from '../compare/registration-queries.js';
import { realPause } from '../runs/ledger-questions.js';
import { type ReconcileDeps, reconcile } from '../runs/reconcile.js';
import {
  changedAddresses,
  closeEarlier,
  comparableWallet,
  drawnAddresses,
  dropClean,
  isNearTip,
  lastComparedHeight,
  noteChecks,
  watchIds,
} from './continuous-queries.js';
import { readCoverage } from './coverage-queries.js';

export type ContinuousDeps = Pick<
  ReconcileDeps,
  'chain' | 'hotWallet' | 'observe' | 'now' | 'pacing' | 'pause' | 'heartbeatMs'
> & {
  /** In [0, 1): draws the sample. */
  readonly random: () => number;
  /** Between two looks for what changed. */
  readonly lookMs?: number;
  /** Between two samples of the others. */
  readonly sampleMs?: number;
  /** In one question, which on a public network walks the node's whole ledger. */
  readonly batchMax?: number;
};

const LOOK_MS = 60_000;
const SAMPLE_MS = 5 * 60_000;
const BATCH_MAX = 2_000;
/** A node that was busy for a while is left alone for so many times that while. */
const REST_RATIO = 20;
const COVERAGE_MS = 60 * 60_000;

/**
 * Compares all the time, a little of it: addresses that changed soon after, of the others a random
 * sample, and with it the hot wallet. One question to the node each time, with long rests.
 */
export const compareContinuously =
  (deps: ContinuousDeps): LeadingTask =>
  async (leadership) => {
    const { signal, pool, partitionId } = leadership;
    const { lookMs = LOOK_MS, pause = realPause } = deps;
    const rest = (ms: number): Promise<void> => pause(ms, signal).catch(() => undefined);
    let state = NOTHING_COMPARED;
    // What a restored database says of the tip is as old as its books, until a block was followed.
    await rest(lookMs);
    while (!signal.aborted) {
      const begun = deps.now().getTime();
      try {
        state = await compareRound(deps, leadership, state);
        if (begun - state.toldAt >= COVERAGE_MS) {
          const coverage = await readCoverage(pool, partitionId, deps.now());
          const { reconciledRatio, oldestSeconds } = coverage;
          deps.observe({ type: 'coverage', reconciledRatio, oldestSeconds });
          state = { ...state, toldAt: begun };
        }
      } catch (error) {
        if (error instanceof TermOver) return;
        // The engine tells what is wrong with its run; the database's trouble ends the term.
      }
      await rest(Math.max(lookMs, (deps.now().getTime() - begun) * REST_RATIO));
    }
  };

/** What a leader remembers from round to round of its term. */
export type Compared = {
  /** Height up to which all that changed was compared; null before the first round of a term. */
  readonly comparedUpTo: number | null;
  readonly sampledAt: number;
  /** The hot wallet has a long past: it is compared as often as samples are. */
  readonly walletAt: number;
  readonly toldAt: number;
  /**
   * Of disputed addresses that hold nothing, what was told in this term, once each: there is no open difference
   * that would keep them out of the sample.
   */
  readonly disputes: ReadonlyMap<string, string>;
};

export const NOTHING_COMPARED: Compared = {
  comparedUpTo: null,
  sampledAt: 0,
  walletAt: 0,
  toldAt: 0,
  disputes: new Map(),
};

/** What changed since the last one, and where it is due a sample of the others. */
export async function compareRound(
  deps: ContinuousDeps,
  leadership: Leadership,
  state: Compared,
): Promise<Compared> {
  const { pool, partitionId } = leadership;
  const { batchMax = BATCH_MAX, sampleMs = SAMPLE_MS } = deps;
  const cursor = await readCursor(pool, partitionId);
  if (cursor === null || cursor.height === null) return state;
  if (!(await isNearTip(pool, partitionId, NEAR_TIP_BLOCKS))) return state;
  const upTo = cursor.height;
  const oldest = upTo - SECURITY_PARAMETER_BLOCKS;
  const known = state.comparedUpTo ?? (await lastComparedHeight(pool, partitionId)) ?? oldest;
  // After a rollback the blocks above it are others.
  const above = Math.max(oldest, Math.min(known, upTo));
  const now = deps.now().getTime();
  const detectedSince = new Date(now - ROLLED_BACK_WITHIN_MS);
  const changes = { above, upTo, detectedSince };
  const changed = await changedAddresses(pool, partitionId, changes, batchMax);
  const isWalletDue = now - state.walletAt >= sampleMs;
  const wallet = isWalletDue ? await comparableWallet(pool, partitionId, deps.hotWallet) : [];
  const isSampleDue = now - state.sampledAt >= sampleMs && changed.length < batchMax;
  const drawn = isSampleDue ? await sample(deps, leadership, batchMax - changed.length) : [];
  const disputed = drawn.length === 0 ? [] : await readEmptyDisputes(pool, partitionId, drawn);
  const disputes = new Map(disputed.map((one) => [one.address, sayingOf(one)]));
  const isNew = (address: string): boolean =>
    !disputes.has(address) || disputes.get(address) !== state.disputes.get(address);
  const addresses = [...new Set([...wallet, ...changed, ...drawn.filter(isNew)])];
  if (addresses.length > 0) await compare(deps, leadership, addresses);
  return {
    ...state,
    comparedUpTo: changed.length < batchMax ? rewound(upTo) : above,
    sampledAt: isSampleDue ? now : state.sampledAt,
    walletAt: isWalletDue ? now : state.walletAt,
    disputes: new Map([...without(state.disputes, drawn), ...disputes]),
  };
}

function without<V>(told: ReadonlyMap<string, V>, addresses: readonly string[]): Map<string, V> {
  const left = new Map(told);
  for (const address of addresses) left.delete(address);
  return left;
}

const sayingOf = ({ isRegistered, registeredFor, userId }: Dispute): string =>
  JSON.stringify([isRegistered, registeredFor, userId]);

/** k blocks come within a day and a half, however slowly: what was detected before stays. */
const ROLLED_BACK_WITHIN_MS = 3 * 24 * 60 * 60_000;

/** While the books catch up, or after an old backup was restored, there is nothing to hold them against yet. */
const NEAR_TIP_BLOCKS = 100;

/** Blocks of the last stretch may be replaced: what comes in their place is looked at again. */
const SHORT_FORK_BLOCKS = 50;
const rewound = (height: number): number => height - SHORT_FORK_BLOCKS;

async function sample(
  { random }: ContinuousDeps,
  { pool, partitionId }: Leadership,
  size: number,
): Promise<string[]> {
  const ids = await watchIds(pool, partitionId);
  if (ids === null) return [];
  return drawnAddresses(pool, partitionId, draw(ids.least, ids.most, size, random));
}

/** So many whole numbers of a range, each once; all of it where it is no larger than that. */
export function draw(least: number, most: number, size: number, random: () => number): number[] {
  const count = most - least + 1;
  if (count <= size) return Array.from({ length: count }, (_, position) => least + position);
  const drawn = new Set<number>();
  // Many draws of the same number are unlikely where the range is larger; a bound all the same.
  for (let tries = 0; drawn.size < size && tries < size * 10; tries += 1) {
    drawn.add(least + Math.floor(random() * count));
  }
  return [...drawn];
}

async function compare(
  deps: ContinuousDeps,
  { pool, partitionId, signal }: Leadership,
  addresses: readonly string[],
): Promise<void> {
  const { observe, now } = deps;
  // What comes or goes meanwhile is compared once more.
  const begun = now();
  const run = await reconcile(
    {
      ...deps,
      pool,
      partitionId,
      signal,
      // A clean one is told once an hour, with the coverage.
      observe: (event) => {
        const isClean =
          event.type === 'reconciliation_finished' &&
          event.findings.length === 0 &&
          event.problem === null;
        if (!isClean) observe(event);
      },
    },
    { scope: { addresses, continuous: true }, requestedBy: 'continuous', resume: false },
  );
  await inTransaction(pool, async (tx) => {
    await noteChecks(tx, addresses, begun, run.height);
    await closeEarlier(tx, run.runId, addresses, now());
    await dropClean(tx, run.runId);
  });
}
