import type { OutputReference } from '../chain/block.js';
import type { Queryable, Tx } from '../database/transaction.js';
import type { RolledBack } from './detection.js';
import { type PlacedPayment, referenceOf } from './effects.js';
import { NOT_THE_WALLETS, placesOf } from './output-queries.js';
import { type Payment, showAssets } from './payment.js';
import { type PaymentRow, paymentFrom } from './payment-row.js';

/** Where an output is: what is found in a block and what is found in a ledger both say so. */
type Placement = { readonly txHash: string; readonly output: { readonly index: number } };

const RECORDED = `
  select p.* from incoming_payments p
    join unnest($1::text[], $2::int[]) as o (tx_hash, output_index) using (tx_hash, output_index)`;

export async function recordedPayments(
  db: Queryable,
  outputs: readonly Placement[],
): Promise<Map<OutputReference, Payment>> {
  const { rows } = await db.query<PaymentRow>(RECORDED, [
    outputs.map((hit) => hit.txHash),
    outputs.map((hit) => hit.output.index),
  ]);
  return new Map(rows.map(paymentFrom).map((payment) => [referenceOf(payment), payment]));
}

const DUE = `
  select * from incoming_payments
   where partition_id = $1 and status = 'pending'
     and coalesce(block_height, counted_from) + required_confirmations <= $2::bigint + 1
     and not exists (select 1 from chain_guard where partition_id = $1 and held_at is not null)`;

/**
 * Pending payments that are deep enough once the cursor stands at that height. None while confirmations
 * are held; all of them once they aren't any more.
 */
export async function paymentsDue(
  tx: Tx,
  partitionId: number,
  height: number,
): Promise<PlacedPayment[]> {
  const { rows } = await tx.query<PaymentRow>(DUE, [partitionId, height]);
  return rows.map(paymentFrom);
}

const HELD = 'select 1 from chain_guard where partition_id = $1 and held_at is not null';

/** Whether the chain can't be relied on at the moment: then nothing is confirmed. */
export const confirmationsHeld = async (tx: Tx, partitionId: number): Promise<boolean> =>
  (await tx.query(HELD, [partitionId])).rows.length > 0;

const LIVE_ABOVE = `
  select * from incoming_payments
   where partition_id = $1 and (block_height > $2 or counted_from > $2)
     and status in ('pending', 'confirmed', 'ignored')`;

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
     slot, tx_position, detected_at, confirmed_at, counted_from)
  select $1, * from unnest(
    $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::numeric[],
    $9::jsonb[], $10::text[], $11::int[], $12::int[], $13::text[], $14::bigint[], $15::bigint[],
    $16::int[], $17::timestamptz[], $18::timestamptz[], $19::bigint[])
  on conflict (tx_hash, output_index) do update set
    status = excluded.status, inclusion = excluded.inclusion,
    required_confirmations = excluded.required_confirmations, block_hash = excluded.block_hash,
    block_height = excluded.block_height, slot = excluded.slot, tx_position = excluded.tx_position,
    counted_from = excluded.counted_from, spent_by = null, spent_height = null,
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
    payments.map((payment) => (payment.blockHash === null ? null : payment.txPosition)),
    payments.map((payment) => payment.detectedAt),
    payments.map((payment) => payment.confirmedAt),
    payments.map((payment) => payment.countedFrom),
  ]);
  return rowCount ?? 0;
}

const ROLLED_BACK_AMONG = `
  select p.*, a.backfill from incoming_payments p
    join payment_addresses a using (address)
    join unnest($1::text[], $2::int[]) as o (tx_hash, output_index) using (tx_hash, output_index)
   where p.status = 'rolled_back' and ${NOT_THE_WALLETS}`;

/** Payments that stand as rolled back, of some outputs. */
export async function rolledBackAmong(
  tx: Tx,
  references: readonly OutputReference[],
): Promise<Map<OutputReference, RolledBack>> {
  const places = placesOf(references);
  const { rows } = await tx.query<PaymentRow & { backfill: boolean }>(ROLLED_BACK_AMONG, [
    places.map(({ txHash }) => txHash),
    places.map(({ index }) => index),
  ]);
  return new Map(
    rows.map((row) => {
      const payment = paymentFrom(row);
      return [referenceOf(payment), { payment, isWanted: row.backfill }];
    }),
  );
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
