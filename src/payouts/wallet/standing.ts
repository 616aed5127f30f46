import type { Queryable } from '../../database/transaction.js';
import { controlLost } from '../model/control-row.js';
import { PAYOUT_STATUSES, type PayoutStatus } from '../model/payout.js';

/** Not settled yet: these are what somebody may be waiting for. */
export const OPEN_STATUSES = ['awaiting_approval', 'queued', 'submitted', 'in_block'] as const;
export type OpenStatus = (typeof OPEN_STATUSES)[number];

/** Where payouts stand at this moment. */
export type Standing = {
  readonly open: Readonly<
    Record<OpenStatus, { readonly count: number; readonly oldestSeconds: number | null }>
  >;
  readonly paused: {
    readonly since: Date;
    readonly by: string | null;
    readonly reason: string | null;
  } | null;
  readonly held: {
    readonly since: Date;
    readonly reason: string | null;
    /** Nothing that may have been forgotten is valid from this slot on; null until a node was asked. */
    readonly untilSlot: number | null;
  } | null;
  readonly fenceRequestedAt: Date | null;
};

/** Only what isn't settled is read, which is little however many payouts there were. */
const OPEN = `
  select status, count(*)::int as count,
         extract(epoch from now() - min(coalesce(approved_at, created_at)))::float8 as "oldestSeconds"
    from outbound_payments
   where status in ('awaiting_approval', 'queued', 'submitted', 'in_block')
   group by status`;
const CONTROL = `
  select paused_at as "pausedAt", paused_by as "pausedBy", pause_reason as "pauseReason",
         held_at as "heldAt", hold_reason as "holdReason", hold_until_slot::float8 as "holdUntilSlot",
         fence_requested_at as "fenceRequestedAt"
    from payout_control`;

type ControlRow = {
  readonly pausedAt: Date | null;
  readonly pausedBy: string | null;
  readonly pauseReason: string | null;
  readonly heldAt: Date | null;
  readonly holdReason: string | null;
  readonly holdUntilSlot: number | null;
  readonly fenceRequestedAt: Date | null;
};
type OpenRow = {
  readonly status: OpenStatus;
  readonly count: number;
  readonly oldestSeconds: number;
};

export async function readStanding(db: Queryable): Promise<Standing> {
  const { rows } = await db.query<OpenRow>(OPEN);
  const [control] = (await db.query<ControlRow>(CONTROL)).rows;
  if (control === undefined) throw controlLost();
  const openOf = (status: OpenStatus) => {
    const row = rows.find((one) => one.status === status);
    return { count: row?.count ?? 0, oldestSeconds: row?.oldestSeconds ?? null };
  };
  return {
    open: {
      awaiting_approval: openOf('awaiting_approval'),
      queued: openOf('queued'),
      submitted: openOf('submitted'),
      in_block: openOf('in_block'),
    },
    paused:
      control.pausedAt === null
        ? null
        : { since: control.pausedAt, by: control.pausedBy, reason: control.pauseReason },
    held:
      control.heldAt === null
        ? null
        : { since: control.heldAt, reason: control.holdReason, untilSlot: control.holdUntilSlot },
    fenceRequestedAt: control.fenceRequestedAt,
  };
}

const BY_STATUS = 'select status, count(*)::int as count from outbound_payments group by status';

export type PayoutCounts = Readonly<Record<PayoutStatus, number>>;

/** Reads the whole table: not for every request. */
export async function countPayouts(db: Queryable): Promise<PayoutCounts> {
  const { rows } = await db.query<{ status: PayoutStatus; count: number }>(BY_STATUS);
  const counts = new Map(rows.map(({ status, count }) => [status, count]));
  const pairs = PAYOUT_STATUSES.map((status) => [status, counts.get(status) ?? 0] as const);
  return Object.fromEntries(pairs) as PayoutCounts;
}

const WITHOUT_COMMON_INPUT =
  'select count(*)::int as count from payout_attempts_without_common_input';

/** Always 0. Joins all attempts there ever were: seldom. */
export const countAttemptsWithoutCommonInput = async (db: Queryable): Promise<number> =>
  (await db.query<{ count: number }>(WITHOUT_COMMON_INPUT)).rows[0]?.count ?? 0;
