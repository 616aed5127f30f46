import type { Queryable, Tx } from '../../database/transaction.js';
import { showAssets } from '../../payments/payment.js';
import { splitReference } from '../model/books-queries.js';
import { shareFee } from '../model/fee-share.js';
import type { Payout } from '../model/payout.js';
import { PAYOUT_COLUMNS, type PayoutRow, payoutFrom } from '../model/payout-row.js';
import type { UnsignedTransaction } from '../transaction/transaction.js';

const QUEUE = `
  select ${PAYOUT_COLUMNS}, p.alone from outbound_payments p
   where p.status = 'queued' and p.batch_id is null and (p.retry_at is null or p.retry_at <= $2)
   order by p.created_at, p.id limit $1`;

export type Queued = Payout & { readonly alone: boolean };

/** First come, first served. */
export const queuedPayouts = async (db: Queryable, limit: number, now: Date): Promise<Queued[]> =>
  (await db.query<PayoutRow & { alone: boolean }>(QUEUE, [limit, now])).rows.map((row) => ({
    ...payoutFrom(row),
    alone: row.alone,
  }));

const POSTPONE = `
  update outbound_payments set retry_at = $2, retry_reason = $3, retry_detail = $4
   where id = $1 and status = 'queued' and batch_id is null`;

/** It can't be paid for a reason of its own: others come first. */
export const postponePayout = (
  db: Queryable,
  id: string,
  until: Date,
  { why, detail }: { readonly why: string; readonly detail: string },
) => db.query(POSTPONE, [id, until, why, detail]);

const POSTPONED = `
  select retry_reason as why, retry_detail as detail from outbound_payments
   where status = 'queued' and batch_id is null and retry_at is not null
   order by created_at, id limit 1`;

type Postponed = {
  readonly why: 'too_little_funds' | 'signer_refused';
  readonly detail: string;
};

/** Why the oldest of those waits that couldn't be paid when it was their turn; null: none does. */
export const oldestPostponed = async (db: Queryable): Promise<Postponed | null> =>
  (await db.query<Postponed>(POSTPONED)).rows[0] ?? null;

const OF_BATCH = `
  select ${PAYOUT_COLUMNS} from outbound_payments p
   where p.batch_id = $1 and p.status in ('queued', 'submitted') order by p.created_at, p.id`;

export const payoutsOfBatch = async (db: Queryable, batchId: string): Promise<Payout[]> =>
  (await db.query<PayoutRow>(OF_BATCH, [batchId])).rows.map(payoutFrom);

const OPEN_BATCH = `
  insert into payout_batches (kind, anchor_tx_hash, anchor_index, generation, created_at)
  values ($1, $2, $3, $4, $5) returning id`;

export async function openBatch(
  tx: Tx,
  at: Date,
  kind: 'payout' | 'fence' | 'tidy',
  anchor: string,
  generation: number | null,
): Promise<string> {
  const { txHash, index } = splitReference(anchor);
  const { rows } = await tx.query<{ id: string }>(OPEN_BATCH, [
    kind,
    txHash,
    index,
    generation,
    at,
  ]);
  const [row] = rows;
  if (row === undefined) throw new Error('an insert returned nothing');
  return row.id;
}

const RESERVE = `
  insert into wallet_reservations (tx_hash, output_index, batch_id)
  select i.tx_hash, i.output_index, $1 from unnest($2::text[], $3::int[]) as i (tx_hash, output_index)
  on conflict (tx_hash, output_index) do update set batch_id = excluded.batch_id
    where wallet_reservations.batch_id = excluded.batch_id
  returning 1`;

/** Answers whether all of them are this batch's now: the primary key gives an output to one batch only. */
export async function reserve(
  tx: Tx,
  batchId: string,
  references: readonly string[],
): Promise<boolean> {
  const inputs = references.map(splitReference);
  const { rowCount } = await tx.query(RESERVE, [
    batchId,
    inputs.map((input) => input.txHash),
    inputs.map((input) => input.index),
  ]);
  return rowCount === references.length;
}

const STILL_THERE = `
  select count(*) as there from unnest($1::text[], $2::int[]) as i (tx_hash, output_index)
   where exists (select 1 from wallet_outputs w
                  where w.tx_hash = i.tx_hash and w.output_index = i.output_index and w.spent_by is null)
      or exists (select 1 from payout_change c join payout_transactions t using (tx_hash)
                  where c.tx_hash = i.tx_hash and c.output_index = i.output_index
                    and t.block_height is null)`;

/** Whether no block took an input away since the plan was made. */
export async function areStillThere(tx: Tx, references: readonly string[]): Promise<boolean> {
  const inputs = references.map(splitReference);
  const { rows } = await tx.query<{ there: string }>(STILL_THERE, [
    inputs.map((input) => input.txHash),
    inputs.map((input) => input.index),
  ]);
  return Number(rows[0]?.there) === references.length;
}

const STORE_TRANSACTION = `
  insert into payout_transactions
    (tx_hash, batch_id, cbor, fee_lovelace, invalid_hereafter, chain_depth, next_submission_at, created_at)
  values ($1, $2, $3, $4, $5, $6, $7, $7)
  on conflict (tx_hash) do nothing`;
const STORE_INPUTS = `
  insert into payout_transaction_inputs (tx_hash, input_tx_hash, input_index)
  select $1, * from unnest($2::text[], $3::int[])`;
const STORE_CHANGE = `
  insert into payout_change (tx_hash, output_index, amount_lovelace, assets)
  select $1, * from unnest($2::int[], $3::numeric[], $4::jsonb[])`;
const STORE_ATTEMPTS = `
  insert into payout_attempts (payout_id, tx_hash, output_index, fee_share)
  select id, $1, output_index, fee_share
    from unnest($2::text[], $3::int[], $4::numeric[]) as a (id, output_index, fee_share)`;

/** The signed bytes with all that is known of them. False: the same transaction is there already. */
export async function storeSigned(
  tx: Tx,
  at: Date,
  batchId: string,
  unsigned: UnsignedTransaction,
  cbor: Uint8Array,
): Promise<boolean> {
  const depth = Math.max(...unsigned.inputs.map((input) => input.chainDepth));
  const { rowCount } = await tx.query(STORE_TRANSACTION, [
    unsigned.id,
    batchId,
    Buffer.from(cbor),
    unsigned.fee.toString(),
    unsigned.invalidHereafter,
    depth,
    at,
  ]);
  if (rowCount === 0) return false;
  const inputs = unsigned.inputs.map((input) => splitReference(input.reference));
  await tx.query(STORE_INPUTS, [
    unsigned.id,
    inputs.map((input) => input.txHash),
    inputs.map((input) => input.index),
  ]);
  await tx.query(STORE_CHANGE, [
    unsigned.id,
    unsigned.change.map((change) => change.outputIndex),
    unsigned.change.map((change) => change.lovelace.toString()),
    unsigned.change.map((change) => JSON.stringify(showAssets(change.assets))),
  ]);
  const shares = shareFee(unsigned.fee, unsigned.payees.length);
  await tx.query(STORE_ATTEMPTS, [
    unsigned.id,
    unsigned.payees.map((payee) => payee.payoutId),
    unsigned.payees.map((payee) => payee.outputIndex),
    shares.map(String),
  ]);
  return true;
}

const SUBMIT = `
  update outbound_payments p
     set status = 'submitted', batch_id = $2, tx_hash = $3, fee_lovelace = a.fee_share, updated_at = $4
    from payout_attempts a
   where a.tx_hash = $3 and a.payout_id = p.id and p.id = any($1::text[])
     and p.status in ('queued', 'submitted') and (p.batch_id is null or p.batch_id = $2)
  returning ${PAYOUT_COLUMNS}`;

/** From here on they may be paid: answers those that still were to be. */
export async function markSubmitted(
  tx: Tx,
  at: Date,
  batchId: string,
  txHash: string,
  ids: readonly string[],
): Promise<Payout[]> {
  const { rows } = await tx.query<PayoutRow>(SUBMIT, [ids, batchId, txHash, at]);
  return rows.map(payoutFrom);
}

const BEGIN_SUBMISSION = `
  update payout_transactions
     set submissions = submissions + 1, first_submitted_at = coalesce(first_submitted_at, $2),
         next_submission_at = $2::timestamptz + $3 * interval '1 millisecond'
   where tx_hash = $1 and block_height is null
  returning cbor`;

/** Marks that a submission begins now. Null: it is in a block, or the bytes aren't here. */
export async function beginSubmission(
  tx: Tx,
  at: Date,
  txHash: string,
  againAfterMs: number,
): Promise<Uint8Array | null> {
  const { rows } = await tx.query<{ cbor: Buffer | null }>(BEGIN_SUBMISSION, [
    txHash,
    at,
    againAfterMs,
  ]);
  return rows[0]?.cbor ?? null;
}

const RECORD_ANSWER = `
  update payout_transactions set last_answer = $2, refused_reason = coalesce($3, refused_reason)
   where tx_hash = $1`;

export const recordAnswer = (
  db: Queryable,
  txHash: string,
  answer: string,
  refusedReason: string | null,
) => db.query(RECORD_ANSWER, [txHash, answer, refusedReason]);
