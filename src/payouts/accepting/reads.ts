import type { Queryable } from '../../database/transaction.js';
import { EXACT_TIME, type Page, readCursor, toPage, writeCursor } from '../../payments/pages.js';
import type { PageRequest } from '../../payments/reads.js';
import { type Payout, type PayoutStatus, type PayoutView, showPayout } from '../model/payout.js';
import { PAYOUT_COLUMNS, type PayoutRow, payoutFrom } from '../model/payout-row.js';

const PAYOUT = `select ${PAYOUT_COLUMNS} from outbound_payments p where p.id = $1`;

export async function findPayout(db: Queryable, id: string): Promise<Payout | null> {
  const { rows } = await db.query<PayoutRow>(PAYOUT, [id]);
  return rows[0] === undefined ? null : payoutFrom(rows[0]);
}

export async function readPayout(db: Queryable, id: string): Promise<PayoutView | null> {
  const payout = await findPayout(db, id);
  return payout === null ? null : showPayout(payout);
}

const PAYOUTS = `
  select ${PAYOUT_COLUMNS}, (p.created_at at time zone 'UTC')::text as created_exactly
    from outbound_payments p
   where ($1::text is null or p.user_id = $1)
     and ($2::text is null or p.status = $2)
     and ($3::text is null or p.reference_id = $3)
     and ($4::text is null or p.destination_address = $4)
     and ($5::timestamptz is null or p.created_at >= $5)
     and ($6::timestamp is null or (p.created_at, p.id) > ($6::timestamp at time zone 'UTC', $7))
   order by p.created_at, p.id limit $8::int + 1`;

export type PayoutFilter = {
  readonly userId?: string | undefined;
  readonly status?: PayoutStatus | undefined;
  readonly referenceId?: string | undefined;
  /** In canonical form. */
  readonly destinationAddress?: string | undefined;
  /** Created then or later. */
  readonly since?: Date | undefined;
};

/** Oldest first. @throws CursorError */
export async function listPayouts(
  db: Queryable,
  filter: PayoutFilter,
  page: PageRequest,
): Promise<Page<PayoutView>> {
  // With microseconds, which a Date hasn't.
  type Row = PayoutRow & { readonly created_exactly: string };
  const [createdAt = null, id = ''] =
    page.cursor === undefined ? [] : readCursor('payouts', page.cursor, CURSOR);
  const { rows } = await db.query<Row>(PAYOUTS, [
    filter.userId ?? null,
    filter.status ?? null,
    filter.referenceId ?? null,
    filter.destinationAddress ?? null,
    filter.since?.toISOString() ?? null,
    createdAt,
    id,
    page.limit,
  ]);
  return toPage(
    rows,
    page.limit,
    (row) => showPayout(payoutFrom(row)),
    (row) => writeCursor('payouts', [row.created_exactly, row.id]),
  );
}

const CURSOR = [EXACT_TIME, /^[0-9a-f]{32}$/];
