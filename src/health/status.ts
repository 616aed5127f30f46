import type { PointOrOrigin, TipOrOrigin } from '../chain/point.js';
import type { GuardRow } from '../guard/guard-queries.js';
import type { Counts } from '../payments/reads.js';
import type { Coverage } from '../reconcile/schedule/coverage-queries.js';
import type { Cursor } from '../sync/events.js';
import type { Leader } from '../sync/leader-session.js';
import { type GuardView, tellGuard } from './guard-status.js';
import type { PayerVitals } from './payer-vitals.js';
import { type PayoutReading, type PayoutStatusView, tellPayouts } from './payout-status.js';
import type { ProofReading } from './reconcile-reads.js';
import { type ProofStatusView, tellProof } from './reconcile-status.js';
import { type Position, type SyncState, storedLag } from './sync-state.js';
import { lagOf, type Vitals } from './vitals.js';

/** `/status` and `teller status`. What couldn't be read is null. */
export type Status = PayoutStatusView &
  ProofStatusView & {
    readonly version: string;
    /** Null where no instance answers and none ever followed a chain. */
    readonly network: string | null;
    /** Null where it isn't a running instance that answers. */
    readonly role: Vitals['role'] | null;
    readonly leaderEpoch: number | null;
    /** Whoever leads now, also where it is a verb; null where nobody does. */
    readonly leader: Leader | null;
    readonly cursor: Position | null;
    readonly tip: Position | null;
    readonly lag: number | null;
    readonly connection: { readonly endpoint: string; readonly since: string } | null;
    readonly obstacle: {
      readonly kind: string;
      readonly detail: string;
      readonly since: string;
    } | null;
    readonly lastBlockAt: string | null;
    readonly updatedAt: string | null;
    readonly database: 'ok' | 'failed';
    readonly watchedAddresses: number | null;
    readonly payments: Counts['payments'] | null;
    /** Jobs of the queue by state; null where it is out of reach or this isn't an instance. */
    readonly queueDepths: Readonly<Record<string, number>> | null;
    /** Whether confirming and paying are held because the chain may be another one soon, and why. */
    readonly guard: GuardView;
  };

export type StatusInput = {
  readonly version: string;
  readonly network: string | null;
  readonly vitals: Vitals | null;
  /** Undefined where the database didn't answer; null where nothing was ever followed. */
  readonly state: SyncState | null | undefined;
  readonly leader: Leader | null;
  readonly counts: Counts | null;
  readonly payouts: PayoutReading | null;
  /** Null where no instance answers that could pay. */
  readonly payer: PayerVitals | null;
  readonly queueDepths: Readonly<Record<string, number>> | null;
  readonly guard: GuardRow | null;
  readonly proof: ProofReading | null;
  readonly coverage: Coverage | null;
};

/** A leader tells what it knows itself, everybody else what the leader last wrote. */
export function tellStatus(input: StatusInput): Status {
  const { vitals, state, counts } = input;
  const leads = vitals?.role === 'leader' && vitals.cursor !== null;
  const own = leads ? ownPosition(vitals) : undefined;
  return {
    version: input.version,
    network: input.network,
    role: vitals?.role ?? null,
    leaderEpoch:
      vitals?.leaderEpoch == null ? (state?.leaderEpoch ?? null) : Number(vitals.leaderEpoch),
    leader: input.leader,
    cursor: own?.cursor ?? state?.cursor ?? null,
    tip: own?.tip ?? state?.tip ?? null,
    lag: own?.lag ?? (state ? storedLag(state) : null),
    connection:
      vitals?.connection == null
        ? null
        : { endpoint: vitals.connection.endpoint, since: isoTime(vitals.connection.since) },
    obstacle:
      vitals?.obstacle == null
        ? null
        : { ...vitals.obstacle, since: isoTime(vitals.obstacle.since) },
    lastBlockAt: vitals?.lastBlockAt == null ? null : isoTime(vitals.lastBlockAt),
    updatedAt: state?.updatedAt.toISOString() ?? null,
    database: state === undefined ? 'failed' : 'ok',
    watchedAddresses: counts?.watchedAddresses ?? null,
    payments: counts?.payments ?? null,
    ...tellPayouts(input.payouts, input.payer),
    queueDepths: input.queueDepths,
    guard: tellGuard(input.guard),
    ...tellProof(input.proof, input.coverage),
  };
}

function ownPosition(vitals: Vitals) {
  const lag = lagOf(vitals);
  return {
    cursor: vitals.cursor === null ? null : cursorPosition(vitals.cursor),
    tip: vitals.tip === null ? null : tipPosition(vitals.tip),
    lag: lag === null ? null : Math.max(0, lag),
  };
}

const cursorPosition = (cursor: Cursor): Position => ({
  ...pointPosition(cursor.point),
  height: cursor.height,
});

const tipPosition = (tip: TipOrOrigin): Position => ({
  ...pointPosition(tip),
  height: tip === 'origin' ? null : tip.height,
});

const pointPosition = (point: PointOrOrigin) =>
  point === 'origin' ? { slot: null, hash: null } : { slot: point.slot, hash: point.id };

const isoTime = (milliseconds: number): string => new Date(milliseconds).toISOString();
