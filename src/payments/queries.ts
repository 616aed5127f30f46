import type { OutputReference } from '../chain/block.js';
import type { Queryable, Tx } from '../database/transaction.js';
import {
  type OutboxEvent,
  type Owner,
  type PlacedPayment,
  referenceOf,
  type Spend,
} from './effects.js';
import type { Delta, Entry } from './ledger.js';
import type { OutputHit } from './match.js';
import { type Payment, type PaymentStatus, parseAssets, showAssets } from './payment.js';

/** The columns of a payment, in the shape that `paymentFrom` reads. */
export type PaymentRow = {
  tx_hash: string;
  output_index: number;
  address: string;
  user_id: string;
  reference_type: string | null;
  reference_id: string | null;
  amount_lovelace: string;
  assets: Record<string, string>;
  status: PaymentStatus;
  inclusion: number;
  required_confirmations: number;
  block_hash: string | null;
  block_height: string | null;
  slot: string | null;
  tx_position: number | null;
  spent_by: string | null;
  detected_at: Date;
  confirmed_at: Date | null;
};

export const paymentFrom = (row: PaymentRow): PlacedPayment => ({
  txHash: row.tx_hash,
  outputIndex: row.output_index,
  address: row.address,
  userId: row.user_id,
  referenceType: row.reference_type,
  referenceId: row.reference_id,
  amountLovelace: BigInt(row.amount_lovelace),
  assets: parseAssets(row.assets),
  status: row.status,
  inclusion: row.inclusion,
  requiredConfirmations: row.required_confirmations,
  blockHash: row.block_hash,
  blockHeight: row.block_height === null ? null : Number(row.block_height),
  slot: row.slot === null ? null : Number(row.slot),
  txPosition: row.tx_position ?? 0,
  spentBy: row.spent_by,
  detectedAt: row.detected_at,
  confirmedAt: row.confirmed_at,
});

const LAST_WATCH_ID = 'select coalesce(max(watch_id), 0) as last from payment_addresses';

/** Only meaningful while the registration lock is held: then no lower id can still appear. */
export async function lastWatchId(tx: Tx): Promise<bigint> {
  const { rows } = await tx.query<{ last: string }>(LAST_WATCH_ID);
  return BigInt(rows[0]?.last ?? 0);
}

const ADDRESSES_BETWEEN = `
  select watch_id, address from payment_addresses
   where partition_id = $1 and watch_id > $2 and watch_id <= $3
   order by watch_id limit $4`;

export async function addressesBetween(
  db: Queryable,
  partitionId: number,
  after: bigint,
  upTo: bigint,
  limit: number,
): Promise<{ watchId: bigint; address: string }[]> {
  const { rows } = await db.query<{ watch_id: string; address: string }>(ADDRESSES_BETWEEN, [
    partitionId,
    after.toString(),
    upTo.toString(),
    limit,
  ]);
  return rows.map((row) => ({ watchId: BigInt(row.watch_id), address: row.address }));
}

const REFERENCES_AFTER = `
  select tx_hash, output_index from incoming_payments
   where partition_id = $1 and status <> 'rolled_back' and (tx_hash, output_index) > ($2, $3)
  union all
  select tx_hash, output_index from wallet_outputs
   where partition_id = $1 and (tx_hash, output_index) > ($2, $3)
   order by tx_hash, output_index limit $4`;

/** References of what is recorded, in pages. */
export async function recordedAfter(
  db: Queryable,
  partitionId: number,
  after: { readonly txHash: string; readonly index: number },
  limit: number,
): Promise<{ txHash: string; index: number }[]> {
  const { rows } = await db.query<{ tx_hash: string; output_index: number }>(REFERENCES_AFTER, [
    partitionId,
    after.txHash,
    after.index,
    limit,
  ]);
  return rows.map((row) => ({ txHash: row.tx_hash, index: row.output_index }));
}

const OWNERS = `
  select address, user_id, reference_type, reference_id from payment_addresses
   where address = any($1::text[])`;

export async function ownersOf(tx: Tx, addresses: readonly string[]): Promise<Map<string, Owner>> {
  const { rows } = await tx.query<{
    address: string;
    user_id: string;
    reference_type: string | null;
    reference_id: string | null;
  }>(OWNERS, [addresses]);
  return new Map(
    rows.map((row) => [
      row.address,
      {
        address: row.address,
        userId: row.user_id,
        referenceType: row.reference_type,
        referenceId: row.reference_id,
      },
    ]),
  );
}

const RECORDED = `
  select p.* from incoming_payments p
    join unnest($1::text[], $2::int[]) as o (tx_hash, output_index) using (tx_hash, output_index)`;

export async function recordedPayments(
  tx: Tx,
  outputs: readonly OutputHit[],
): Promise<Map<OutputReference, Payment>> {
  const { rows } = await tx.query<PaymentRow>(RECORDED, [
    outputs.map((hit) => hit.txHash),
    outputs.map((hit) => hit.output.index),
  ]);
  return new Map(rows.map(paymentFrom).map((payment) => [referenceOf(payment), payment]));
}

const DUE = `
  select * from incoming_payments
   where partition_id = $1 and status = 'pending'
     and block_height + required_confirmations <= $2::bigint + 1`;

/** Pending payments that are deep enough once the cursor stands at that height. */
export async function paymentsDue(
  tx: Tx,
  partitionId: number,
  height: number,
): Promise<PlacedPayment[]> {
  const { rows } = await tx.query<PaymentRow>(DUE, [partitionId, height]);
  return rows.map(paymentFrom);
}

const LIVE_ABOVE = `
  select * from incoming_payments
   where partition_id = $1 and block_height > $2 and status in ('pending', 'confirmed', 'ignored')`;

export async function paymentsAbove(
  tx: Tx,
  partitionId: number,
  height: number,
): Promise<PlacedPayment[]> {
  const { rows } = await tx.query<PaymentRow>(LIVE_ABOVE, [partitionId, height]);
  return rows.map(paymentFrom);
}

const STORE_PAYMENTS = `
  insert into incoming_payments as p
    (partition_id, tx_hash, output_index, address, user_id, reference_type, reference_id,
     amount_lovelace, assets, status, inclusion, required_confirmations, block_hash, block_height,
     slot, tx_position, detected_at, confirmed_at)
  select $1, * from unnest(
    $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::numeric[],
    $9::jsonb[], $10::text[], $11::int[], $12::int[], $13::text[], $14::bigint[], $15::bigint[],
    $16::int[], $17::timestamptz[], $18::timestamptz[])
  on conflict (tx_hash, output_index) do update set
    status = excluded.status, inclusion = excluded.inclusion,
    required_confirmations = excluded.required_confirmations, block_hash = excluded.block_hash,
    block_height = excluded.block_height, slot = excluded.slot, tx_position = excluded.tx_position,
    confirmed_at = excluded.confirmed_at
   where p.status = 'rolled_back' and p.inclusion = excluded.inclusion - 1`;

/** Inserts payments, or lets those come back that a rollback had marked. Answers how many rows it wrote. */
export async function storePayments(
  tx: Tx,
  partitionId: number,
  payments: readonly PlacedPayment[],
): Promise<number> {
  const { rowCount } = await tx.query(STORE_PAYMENTS, [
    partitionId,
    payments.map((payment) => payment.txHash),
    payments.map((payment) => payment.outputIndex),
    payments.map((payment) => payment.address),
    payments.map((payment) => payment.userId),
    payments.map((payment) => payment.referenceType),
    payments.map((payment) => payment.referenceId),
    payments.map((payment) => payment.amountLovelace.toString()),
    payments.map((payment) => JSON.stringify(showAssets(payment.assets))),
    payments.map((payment) => payment.status),
    payments.map((payment) => payment.inclusion),
    payments.map((payment) => payment.requiredConfirmations),
    payments.map((payment) => payment.blockHash),
    payments.map((payment) => payment.blockHeight),
    payments.map((payment) => payment.slot),
    payments.map((payment) => payment.txPosition),
    payments.map((payment) => payment.detectedAt),
    payments.map((payment) => payment.confirmedAt),
  ]);
  return rowCount ?? 0;
}

const CONFIRM = `
  update incoming_payments p set status = 'confirmed', confirmed_at = $1
    from unnest($2::text[], $3::int[]) as o (tx_hash, output_index)
   where p.tx_hash = o.tx_hash and p.output_index = o.output_index and p.status = 'pending'`;

export async function confirmPayments(
  tx: Tx,
  at: Date,
  payments: readonly Payment[],
): Promise<number> {
  const { rowCount } = await tx.query(CONFIRM, [
    at,
    payments.map((payment) => payment.txHash),
    payments.map((payment) => payment.outputIndex),
  ]);
  return rowCount ?? 0;
}

const STORE_WALLET_OUTPUTS = `
  insert into wallet_outputs
    (partition_id, tx_hash, output_index, address, amount_lovelace, assets, block_hash, block_height, slot)
  select $1, * from unnest(
    $2::text[], $3::int[], $4::text[], $5::numeric[], $6::jsonb[], $7::text[], $8::bigint[], $9::bigint[])`;

export const storeWalletOutputs = (tx: Tx, partitionId: number, hits: readonly OutputHit[]) =>
  tx.query(STORE_WALLET_OUTPUTS, [
    partitionId,
    hits.map((hit) => hit.txHash),
    hits.map((hit) => hit.output.index),
    hits.map((hit) => hit.output.address),
    hits.map((hit) => hit.output.value.lovelace.toString()),
    hits.map((hit) => JSON.stringify(showAssets(hit.output.value.assets))),
    hits.map((hit) => hit.block.block.id),
    hits.map((hit) => hit.block.block.height),
    hits.map((hit) => hit.block.slot),
  ]);

const SPEND_PAYMENTS = `
  update incoming_payments p set spent_by = s.spent_by, spent_height = s.height
    from unnest($1::text[], $2::int[], $3::text[], $4::bigint[]) as s (tx_hash, output_index, spent_by, height)
   where p.tx_hash = s.tx_hash and p.output_index = s.output_index`;
const SPEND_WALLET_OUTPUTS = `
  update wallet_outputs p set spent_by = s.spent_by, spent_height = s.height
    from unnest($1::text[], $2::int[], $3::text[], $4::bigint[]) as s (tx_hash, output_index, spent_by, height)
   where p.tx_hash = s.tx_hash and p.output_index = s.output_index`;

/** No ledger output has a larger index; one that is larger is a false hit. */
const OUTPUT_INDEX_MAX = 65_535;

export async function markSpent(tx: Tx, spends: readonly Spend[]): Promise<void> {
  const rows = spends
    .map(({ reference, spentBy, height }) => {
      const [txHash = '', index = ''] = reference.split('#');
      return { txHash, index: Number(index), spentBy, height };
    })
    .filter(({ index }) => index <= OUTPUT_INDEX_MAX);
  const columns = [
    rows.map((row) => row.txHash),
    rows.map((row) => row.index),
    rows.map((row) => row.spentBy),
    rows.map((row) => row.height),
  ];
  await tx.query(SPEND_PAYMENTS, columns);
  await tx.query(SPEND_WALLET_OUTPUTS, columns);
}

const UNSPEND_PAYMENTS = `
  update incoming_payments set spent_by = null, spent_height = null
   where partition_id = $1 and spent_height > $2`;
const UNSPEND_WALLET_OUTPUTS = `
  update wallet_outputs set spent_by = null, spent_height = null
   where partition_id = $1 and spent_height > $2`;
const DELETE_WALLET_OUTPUTS = `
  delete from wallet_outputs where partition_id = $1 and block_height > $2`;
const ROLL_BACK_PAYMENTS = `
  update incoming_payments
     set status = 'rolled_back', block_hash = null, block_height = null, slot = null,
         tx_position = null, confirmed_at = null
   where partition_id = $1 and block_height > $2 and status in ('pending', 'confirmed', 'ignored')`;

/** Takes chain facts above a height back. Answers how many payments it marked. */
export async function undoAbove(tx: Tx, partitionId: number, height: number): Promise<number> {
  const scope = [partitionId, height];
  await tx.query(UNSPEND_PAYMENTS, scope);
  await tx.query(DELETE_WALLET_OUTPUTS, scope);
  await tx.query(UNSPEND_WALLET_OUTPUTS, scope);
  const { rowCount } = await tx.query(ROLL_BACK_PAYMENTS, scope);
  return rowCount ?? 0;
}

const APPEND_ENTRIES = `
  insert into balance_transactions
    (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion, created_at)
  select user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion, $1
    from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::text[], $8::text[],
                $9::int[], $10::int[])
      with ordinality as e (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion, ord)
   order by ord`;

const CREATE_BALANCES = `
  insert into user_balances (user_id, unit)
  select * from unnest($1::text[], $2::text[]) on conflict do nothing`;
const LOCK_BALANCES = `
  select 1 from user_balances b
    join unnest($1::text[], $2::text[]) as d (user_id, unit) using (user_id, unit)
   order by b.user_id, b.unit for update of b`;
const CHANGE_BALANCES = `
  update user_balances b
     set available = b.available + d.available, held = b.held + d.held, pending = b.pending + d.pending
    from unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::numeric[])
      as d (user_id, unit, available, held, pending)
   where b.user_id = d.user_id and b.unit = d.unit`;

/**
 * Appends ledger entries and moves the balances by their sums. A balance row is made before it is
 * changed: a CHECK would judge the bare negative delta of an upsert.
 */
export async function post(
  tx: Tx,
  at: Date,
  entries: readonly Entry[],
  deltas: readonly Delta[],
): Promise<void> {
  await tx.query(APPEND_ENTRIES, [
    at,
    entries.map((entry) => entry.userId),
    entries.map((entry) => entry.unit),
    entries.map((entry) => entry.bucket),
    entries.map((entry) => entry.type),
    entries.map((entry) => entry.amount.toString()),
    entries.map((entry) => entry.reason),
    entries.map((entry) => entry.txHash),
    entries.map((entry) => entry.outputIndex),
    entries.map((entry) => entry.inclusion),
  ]);
  const keys = [deltas.map((delta) => delta.userId), deltas.map((delta) => delta.unit)];
  await tx.query(CREATE_BALANCES, keys);
  await tx.query(LOCK_BALANCES, keys);
  await tx.query(CHANGE_BALANCES, [
    ...keys,
    deltas.map((delta) => delta.available.toString()),
    deltas.map((delta) => delta.held.toString()),
    deltas.map((delta) => delta.pending.toString()),
  ]);
}

const WRITE_EVENTS = `
  insert into outbox (type, event_key, data, created_at)
  select type, event_key, data, $1
    from unnest($2::text[], $3::text[], $4::jsonb[]) with ordinality as e (type, event_key, data, ord)
   order by ord`;

export const writeEvents = (tx: Tx, at: Date, events: readonly OutboxEvent[]) =>
  tx.query(WRITE_EVENTS, [
    at,
    events.map((event) => event.type),
    events.map((event) => event.key),
    events.map((event) => JSON.stringify(event.payment)),
  ]);
