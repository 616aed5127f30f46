import { type SyncState, storedLag } from './sync-state.js';
import { lagOf, type Vitals } from './vitals.js';

export type UnreadyReason =
  | 'sync_lag'
  | 'database'
  | 'blockchain'
  | 'redis'
  | 'starting'
  | 'intersection_lost'
  | 'undecodable_block'
  | 'books_contradict';

/** The answers of `/health/ready` (contract, section 4). */
export type Readiness =
  | {
      readonly status: 'ready';
      readonly role: 'leader' | 'standby';
      readonly syncedTo: number | null;
      readonly tipHeight: number | null;
      readonly lag: number;
    }
  | {
      readonly status: 'not_ready';
      readonly reason: UnreadyReason;
      /** Every reason there is; `reason` is the gravest of them. */
      readonly reasons: readonly UnreadyReason[];
      readonly lag: number | null;
    };

export type ReadinessInput = {
  readonly vitals: Vitals;
  /** Undefined where the database didn't answer; null where nothing was ever followed. */
  readonly state: SyncState | null | undefined;
  readonly redis: 'ok' | 'failed' | 'not_configured';
  readonly readyMaxLagBlocks: number;
};

export function assessReadiness(input: ReadinessInput): Readiness {
  const { vitals, state } = input;
  const view = vitals.role === 'leader' ? leaderView(vitals) : standbyView(state);
  const reasons = unreadyReasons(input, view.lag);
  const [reason] = reasons;
  if (reason !== undefined) return { status: 'not_ready', reason, reasons, lag: view.lag };
  return {
    status: 'ready',
    role: vitals.role === 'leader' ? 'leader' : 'standby',
    syncedTo: view.syncedTo,
    tipHeight: view.tipHeight,
    lag: view.lag ?? 0,
  };
}

type View = {
  readonly syncedTo: number | null;
  readonly tipHeight: number | null;
  readonly lag: number | null;
};

function leaderView(vitals: Vitals): View {
  const lag = lagOf(vitals);
  return {
    syncedTo: vitals.cursor?.height ?? null,
    tipHeight: vitals.tip === null || vitals.tip === 'origin' ? null : vitals.tip.height,
    lag: lag === null ? null : Math.max(0, lag),
  };
}

const standbyView = (state: SyncState | null | undefined): View => ({
  syncedTo: state?.cursor.height ?? null,
  tipHeight: state?.tip?.height ?? null,
  lag: state ? storedLag(state) : null,
});

/** The gravest first. */
function unreadyReasons(input: ReadinessInput, lag: number | null): UnreadyReason[] {
  const { vitals } = input;
  const reasons: UnreadyReason[] = [];
  if (input.state === undefined) reasons.push('database');
  if (vitals.obstacle !== null) reasons.push(vitals.obstacle.kind);
  // Nobody who stands by could ever begin to lead.
  else if (vitals.role !== 'leader' && isExhausted(input.state)) reasons.push('books_contradict');
  // Its tip is not the network's: being level with it means nothing.
  else if (vitals.nodeProblem !== null) reasons.push('blockchain');
  // Before its first connection a leader has met no obstacle yet.
  else if (vitals.role === 'leader' && vitals.connection === null) reasons.push('starting');
  if (input.redis === 'failed') reasons.push('redis');
  if (lag !== null && lag > input.readyMaxLagBlocks) reasons.push('sync_lag');
  // A standby that waits for the first leader ever has nothing to catch up with, but nothing to show either.
  if (reasons.length === 0 && (vitals.role === 'starting' || lag === null))
    reasons.push('starting');
  return reasons;
}

/** As a number the last epoch of 64 bits is rounded up to this. */
const EPOCHS_END = 2 ** 63;
const isExhausted = (state: SyncState | null | undefined): boolean =>
  state != null && state.leaderEpoch >= EPOCHS_END;
