import type { Height, TipOrOrigin } from '../chain/point.js';
import type { Cursor, Obstacle, SyncEvent } from '../sync/events.js';

/** What this instance is doing, made from its sync events alone. Times are milliseconds since 1970. */
export type Vitals = {
  readonly role: 'starting' | 'standby' | 'leader';
  /** Of this instance's own term; null where it leads nothing. */
  readonly leaderEpoch: bigint | null;
  /** Since when the role is what it is. */
  readonly since: number;
  readonly cursor: Cursor | null;
  readonly tip: TipOrOrigin | null;
  readonly connection: { readonly endpoint: string; readonly since: number } | null;
  readonly obstacle: {
    readonly kind: Obstacle;
    readonly detail: string;
    readonly since: number;
  } | null;
  /** What the node's own health says against it. */
  readonly nodeProblem: string | null;
  readonly lastBlockAt: number | null;
  /** Addresses whose past can't be recorded, because another hand changed what is recorded there. */
  readonly pastsContradicted: number;
};

export const startingVitals = (now: number): Vitals => ({
  role: 'starting',
  leaderEpoch: null,
  since: now,
  cursor: null,
  tip: null,
  connection: null,
  obstacle: null,
  nodeProblem: null,
  lastBlockAt: null,
  pastsContradicted: 0,
});

export function observeVitals<S>(vitals: Vitals, event: SyncEvent<S>, now: number): Vitals {
  switch (event.type) {
    case 'standby':
    case 'leader_lost':
      // What the last term knew is nobody's truth any more: the books go on without this instance.
      return { ...startingVitals(now), role: 'standby' };
    case 'leader_acquired':
      return { ...startingVitals(now), role: 'leader', leaderEpoch: event.epoch };
    case 'connected':
      return { ...vitals, connection: { endpoint: event.endpoint, since: now } };
    case 'connect_failed':
    case 'disconnected':
      return meet(
        { ...vitals, connection: null, nodeProblem: null },
        'blockchain',
        event.reason,
        now,
      );
    case 'api_key_rotated':
    case 'term_failed':
    case 'sequence_advanced':
    case 'ledger_asked':
    case 'ledger_query_failed':
      return vitals;
    case 'past_contradicted':
      return { ...vitals, pastsContradicted: event.addresses };
    case 'node_health':
      return { ...vitals, nodeProblem: event.problem };
    case 'intersection_found':
      // A node of another chain may know an old block of ours too: what it does next tells.
      return overcome({ ...vitals, tip: event.tip }, 'blockchain');
    case 'intersection_lost':
      return meet({ ...vitals, cursor: event.cursor }, event.type, event.instructions, now);
    case 'books_contradict': {
      const seen = { ...vitals, cursor: event.cursor ?? vitals.cursor };
      return meet(seen, event.type, event.detail, now);
    }
    case 'node_behind': {
      const seen = { ...vitals, cursor: event.cursor, tip: event.tip };
      return meet(seen, 'blockchain', 'the node is behind what is recorded', now);
    }
    case 'undecodable_block':
      return meet(vitals, event.type, event.error.message, now);
    case 'tip': {
      // The node's chain contains our cursor, so nothing is lost; whether it is behind its tip tells.
      const seen = overcome(
        { ...vitals, cursor: event.cursor, tip: event.tip },
        'intersection_lost',
      );
      return (lagOf(seen) ?? -1) >= 0 ? overcome(seen, 'blockchain') : seen;
    }
    case 'forward':
      return { ...vitals, cursor: event.cursor, tip: event.tip, obstacle: null, lastBlockAt: now };
    case 'backward': {
      const seen = { ...vitals, cursor: event.cursor, tip: event.tip };
      // An unreadable block stands as long as nothing below it was taken back.
      return event.blocksRolledBack > 0
        ? { ...seen, obstacle: null }
        : overcome(overcome(seen, 'intersection_lost'), 'blockchain');
    }
  }
}

/** Blocks the cursor is behind the tip, below zero for a node that is behind us; null while unknown. */
export function lagOf(vitals: Pick<Vitals, 'cursor' | 'tip'>): number | null {
  if (vitals.cursor === null || vitals.tip === null) return null;
  const reached = cursorHeight(vitals.cursor);
  const goal = vitals.tip === 'origin' ? 0 : vitals.tip.height;
  return reached === null ? null : goal - reached;
}

const cursorHeight = (cursor: Cursor): Height | number | null =>
  cursor.point === 'origin' ? 0 : cursor.height;

/** Reconnecting is part of asking again, so it doesn't hide the graver obstacles. */
function meet(vitals: Vitals, kind: Obstacle, detail: string, now: number): Vitals {
  const { obstacle } = vitals;
  if (obstacle !== null && obstacle.kind !== 'blockchain' && kind === 'blockchain') return vitals;
  const since = obstacle?.kind === kind ? obstacle.since : now;
  return { ...vitals, obstacle: { kind, detail, since } };
}

const overcome = (vitals: Vitals, kind: Obstacle): Vitals =>
  vitals.obstacle?.kind === kind ? { ...vitals, obstacle: null } : vitals;
