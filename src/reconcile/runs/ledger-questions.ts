import { setTimeout as sleep } from 'node:timers/promises';
import type { OutputReference } from '../../chain/block.js';
import type { Point } from '../../chain/point.js';
import type { UnspentOutput } from '../../chain/utxo.js';
import type { ChainView, LedgerView } from '../../sync/chain-view.js';
import { isPointGone } from '../../sync/ledger-state.js';
import { NodeError } from '../../sync/requests.js';
import { PointLost } from './comparison-point.js';

/** How much of the node's time is left to others. */
export type Pacing = {
  /** Between an answer and the next question, at least. */
  readonly pauseMs: number;
  /** And this many times as long as that answer took. */
  readonly pauseShare: number;
};

export const GENTLE: Pacing = { pauseMs: 10, pauseShare: 0.1 };

/** Questions about one ledger, over as many connections as it takes. */
export type LedgerQuestions = {
  /** @throws PointLost */
  atAddresses(addresses: readonly string[]): Promise<UnspentOutput[]>;
  /** @throws PointLost */
  among(references: readonly OutputReference[]): Promise<UnspentOutput[]>;
  /** Nothing can be asked any more. */
  readonly release: () => Promise<void>;
  /** The same, and what is being asked ends at once. */
  readonly giveUp: () => Promise<void>;
};

export type QuestionDeps = {
  readonly chain: ChainView;
  readonly signal: AbortSignal;
  readonly pacing: Pacing;
  /** Waits; rejects when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly clock: () => number;
};

const ATTEMPTS_MAX = 5;
const RETRY_FIRST_MS = 500;

export const realPause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await sleep(ms, undefined, { signal });
};

/**
 * A connection that ends is opened again, and the same ledger asked for: only where no node has it any
 * more is the point lost.
 */
export function askLedger(point: Point, deps: QuestionDeps): LedgerQuestions {
  const { chain, signal, pacing, pause, clock } = deps;
  let ledger: LedgerView | null = null;
  let restUntil = 0;
  const over = new AbortController();
  const asking = AbortSignal.any([signal, over.signal]);

  const once = async <T>(question: (view: LedgerView) => Promise<T>): Promise<T> => {
    ledger ??= await chain.ledgerAt(point, asking);
    return question(ledger);
  };
  const letGo = async (): Promise<void> => {
    const held = ledger;
    ledger = null;
    await held?.release().catch(() => undefined);
  };
  const ask = async <T>(question: (view: LedgerView) => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      asking.throwIfAborted();
      const rest = restUntil - clock();
      if (rest > 0) await pause(rest, asking);
      const begun = clock();
      try {
        const answer = await once(question);
        restUntil = clock() + pacing.pauseMs + pacing.pauseShare * (clock() - begun);
        return answer;
      } catch (error) {
        await letGo();
        asking.throwIfAborted();
        if (isPointGone(error)) {
          throw new PointLost(`the node has no ledger of block ${point.id}`, { cause: error });
        }
        // What the node understood and refused it refuses the next time too.
        if (error instanceof NodeError || attempt === ATTEMPTS_MAX) throw error;
        restUntil = clock() + RETRY_FIRST_MS * 2 ** (attempt - 1);
      }
    }
  };
  return {
    atAddresses: (addresses) => ask((view) => view.atAddresses(addresses)),
    among: (references) => ask((view) => view.among(references)),
    release: () => letGo().finally(() => over.abort()),
    giveUp: () => {
      over.abort();
      return letGo();
    },
  };
}
