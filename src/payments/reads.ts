import type { Queryable } from '../database/transaction.js';
import { EXACT_TIME, type Page, readCursor, toPage, writeCursor } from './pages.js';
import { PAYMENT_STATUSES, type PaymentStatus, type PaymentView, showPayment } from './payment.js';
import { type PaymentRow, paymentFrom } from './payment-row.js';

export type AddressView = {
  readonly address: string;
  readonly userId: string;
  readonly referenceType: string | null;
  readonly referenceId: string | null;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  /** Whether what it held before it was registered is credited. */
  readonly backfill: boolean;
  /** Height of the ledger that told what it held; null until it was asked. */
  readonly backfilledHeight: number | null;
  readonly createdAt: string;
};

type AddressRow = Omit<AddressView, 'createdAt' | 'backfilledHeight'> & {
  watchId: string;
  createdAt: Date;
  backfilledHeight: string | null;
};

const ADDRESS = `
  select address, user_id as "userId", reference_type as "referenceType",
         reference_id as "referenceId", metadata, created_at as "createdAt", watch_id as "watchId",
         backfill, backfilled_height as "backfilledHeight"
    from payment_addresses where address = $1`;

/** @param address in canonical form */
export async function showAddress(db: Queryable, address: string): Promise<AddressView | null> {
  const { rows } = await db.query<AddressRow>(ADDRESS, [address]);
  return rows[0] === undefined ? null : addressView(rows[0]);
}

const ADDRESSES = `
  select address, user_id as "userId", reference_type as "referenceType",
         reference_id as "referenceId", metadata, created_at as "createdAt", watch_id as "watchId",
         backfill, backfilled_height as "backfilledHeight"
    from payment_addresses
   where ($1::text is null or user_id = $1) and watch_id > $2::bigint
   order by watch_id limit $3::int + 1`;

export type AddressFilter = { readonly userId?: string | undefined };
export type PageRequest = { readonly limit: number; readonly cursor?: string | undefined };

/** In the order of registration. @throws CursorError */
export async function listAddresses(
  db: Queryable,
  filter: AddressFilter,
  page: PageRequest,
): Promise<Page<AddressView>> {
  const [after = '0'] =
    page.cursor === undefined ? [] : readCursor('addresses', page.cursor, [WHOLE_NUMBER]);
  const { rows } = await db.query<AddressRow>(ADDRESSES, [
    filter.userId ?? null,
    after,
    page.limit,
  ]);
  return toPage(rows, page.limit, addressView, (row) => writeCursor('addresses', [row.watchId]));
}

const addressView = (row: AddressRow): AddressView => ({
  address: row.address,
  userId: row.userId,
  referenceType: row.referenceType,
  referenceId: row.referenceId,
  metadata: row.metadata,
  backfill: row.backfill,
  backfilledHeight: row.backfilledHeight === null ? null : Number(row.backfilledHeight),
  createdAt: row.createdAt.toISOString(),
});

type ListedRow = PaymentRow & {
  cursor_height: string | null;
  /** With microseconds, which a Date hasn't. */
  detected_exactly: string;
};

/** The cursor's height comes from the same snapshot as the row: confirmations are never of two moments. */
const PAYMENT = `
  select p.*, s.last_block_height as cursor_height, '' as detected_exactly
    from incoming_payments p left join sync_state s using (partition_id)
   where p.tx_hash = $1 and p.output_index = $2`;

export async function readPayment(
  db: Queryable,
  txHash: string,
  outputIndex: number,
): Promise<PaymentView | null> {
  const { rows } = await db.query<ListedRow>(PAYMENT, [txHash, outputIndex]);
  return rows[0] === undefined ? null : paymentView(rows[0]);
}

const PAYMENTS = `
  select p.*, s.last_block_height as cursor_height,
         (p.detected_at at time zone 'UTC')::text as detected_exactly
    from incoming_payments p left join sync_state s using (partition_id)
   where ($1::text is null or p.user_id = $1)
     and ($2::text is null or p.address = $2)
     and ($3::text is null or p.status = $3)
     and ($4::text is null or p.reference_id = $4)
     and ($5::timestamptz is null or p.detected_at >= $5)
     and ($6::timestamp is null
          or (p.detected_at, p.tx_hash, p.output_index) > ($6::timestamp at time zone 'UTC', $7, $8))
   order by p.detected_at, p.tx_hash, p.output_index limit $9::int + 1`;

export type PaymentFilter = {
  readonly userId?: string | undefined;
  readonly address?: string | undefined;
  readonly status?: PaymentStatus | undefined;
  readonly referenceId?: string | undefined;
  /** Detected then or later. */
  readonly since?: Date | undefined;
};

/** Oldest first. @throws CursorError */
export async function listPayments(
  db: Queryable,
  filter: PaymentFilter,
  page: PageRequest,
): Promise<Page<PaymentView>> {
  const [detectedAt = null, txHash = '', outputIndex = '0'] =
    page.cursor === undefined ? [] : readCursor('payments', page.cursor, PAYMENT_CURSOR);
  const { rows } = await db.query<ListedRow>(PAYMENTS, [
    filter.userId ?? null,
    filter.address ?? null,
    filter.status ?? null,
    filter.referenceId ?? null,
    filter.since?.toISOString() ?? null,
    detectedAt,
    txHash,
    Number(outputIndex),
    page.limit,
  ]);
  return toPage(rows, page.limit, paymentView, (row) =>
    writeCursor('payments', [row.detected_exactly, row.tx_hash, row.output_index]),
  );
}

const WHOLE_NUMBER = /^\d{1,18}$/;
const PAYMENT_CURSOR = [EXACT_TIME, /^[0-9a-f]{64}$/, /^\d{1,9}$/];

const paymentView = (row: ListedRow): PaymentView =>
  showPayment(paymentFrom(row), row.cursor_height === null ? null : Number(row.cursor_height));

const COUNTS = `
  select (select count(*) from payment_addresses) as addresses,
         (select coalesce(jsonb_object_agg(status, n), '{}')
            from (select status, count(*) as n from incoming_payments group by status) as by_status)
           as payments`;

export type Counts = {
  readonly watchedAddresses: number;
  readonly payments: Readonly<Record<PaymentStatus, number>>;
};

/** Reads both tables whole: not for every request. */
export async function countAll(db: Queryable): Promise<Counts> {
  const { rows } = await db.query<{ addresses: string; payments: Record<string, number> }>(COUNTS);
  const [row = { addresses: '0', payments: {} }] = rows;
  const payments = PAYMENT_STATUSES.map((status) => [status, row.payments[status] ?? 0] as const);
  return {
    watchedAddresses: Number(row.addresses),
    payments: Object.fromEntries(payments) as Record<PaymentStatus, number>,
  };
}
