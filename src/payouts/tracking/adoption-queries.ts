import type { Tx } from '../../database/transaction.js';
import { splitReference } from '../model/books-queries.js';
import type { Payout } from '../model/payout.js';
import { PAYOUT_COLUMNS, type PayoutRow, payoutFrom } from '../model/payout-row.js';

const BATCH_OF_ANCHOR = `
  select id from payout_batches
   where anchor_tx_hash = $1 and anchor_index = $2 and released_at is null and kind = 'payout'
   for update`;
const OPEN_BATCH = `
  insert into payout_batches (kind, anchor_tx_hash, anchor_index, created_at)
  values ('payout', $1, $2, $3) returning id`;

/** The batch that is bound to an anchor; a new one where there is none. */
export async function batchOfAnchor(tx: Tx, anchor: string, at: Date): Promise<string> {
  const { txHash, index } = splitReference(anchor);
  const found = await tx.query<{ id: string }>(BATCH_OF_ANCHOR, [txHash, index]);
  const existing = found.rows[0]?.id;
  if (existing !== undefined) return existing;
  const { rows } = await tx.query<{ id: string }>(OPEN_BATCH, [txHash, index, at]);
  const [row] = rows;
  if (row === undefined) throw new Error('an insert returned nothing');
  return row.id;
}

const ADOPT_TRANSACTION = `
  insert into payout_transactions
    (tx_hash, batch_id, fee_lovelace, invalid_hereafter, adopted, next_submission_at, created_at)
  values ($1, $2, $3, $4, true, $5, $5)`;
const STORE_INPUTS = `
  insert into payout_transaction_inputs (tx_hash, input_tx_hash, input_index)
  select $1, * from unnest($2::text[], $3::int[])`;
const RESERVE = `
  insert into wallet_reservations (tx_hash, output_index, batch_id)
  select i.tx_hash, i.output_index, $1 from unnest($2::text[], $3::int[]) as i (tx_hash, output_index)
  on conflict do nothing`;

export type AdoptedTransaction = {
  readonly txHash: string;
  /** Null for a transaction of the wallet to itself. */
  readonly batchId: string | null;
  readonly fee: bigint;
  readonly invalidHereafter: number | null;
  readonly inputs: readonly string[];
};

export async function adoptTransaction(tx: Tx, at: Date, one: AdoptedTransaction): Promise<void> {
  await tx.query(ADOPT_TRANSACTION, [
    one.txHash,
    one.batchId,
    one.fee.toString(),
    one.invalidHereafter,
    at,
  ]);
  const inputs = one.inputs.map(splitReference);
  const columns = [inputs.map((input) => input.txHash), inputs.map((input) => input.index)];
  await tx.query(STORE_INPUTS, [one.txHash, ...columns]);
  if (one.batchId !== null) await tx.query(RESERVE, [one.batchId, ...columns]);
}

const WALLET_VALUE = `
  select coalesce(sum(amount_lovelace), 0) as lovelace, count(*) as found
    from wallet_outputs w
    join unnest($1::text[], $2::int[]) as i (tx_hash, output_index) using (tx_hash, output_index)`;

/** What inputs held; null where not all of them are outputs of the hot wallet. */
export async function walletValue(tx: Tx, references: readonly string[]): Promise<bigint | null> {
  const inputs = references.map(splitReference);
  const { rows } = await tx.query<{ lovelace: string; found: string }>(WALLET_VALUE, [
    inputs.map((input) => input.txHash),
    inputs.map((input) => input.index),
  ]);
  const [row] = rows;
  if (row === undefined || Number(row.found) !== references.length) return null;
  return BigInt(row.lovelace);
}

const ADOPT_PAYOUTS = `
  insert into outbound_payments
    (id, destination_address, amount_lovelace, assets, status, adopted, created_by, batch_id,
     created_at, updated_at)
  select id, address, amount, assets, 'submitted', true, 'chain', $1, $2, $2
    from unnest($3::text[], $4::text[], $5::numeric[], $6::jsonb[]) as p (id, address, amount, assets)
  on conflict (id) do nothing returning id`;
/**
 * Also from another batch: who signed this knew that nothing could land any more that was signed for
 * that one. Should this be rolled back, what takes its place must spend this one's anchor.
 */
const JOIN_BATCH = `
  update outbound_payments set batch_id = $2
   where id = any($1::text[]) and status not in ('in_block', 'confirmed')`;
const STORE_ATTEMPTS = `
  insert into payout_attempts (payout_id, tx_hash, output_index, fee_share)
  select id, $1, output_index, fee_share
    from unnest($2::text[], $3::int[], $4::numeric[]) as a (id, output_index, fee_share)`;
const LOCK_PAYOUTS = `
  select ${PAYOUT_COLUMNS} from outbound_payments p where p.id = any($1::text[])
   order by p.id for update`;

export type PaidOutput = {
  readonly payoutId: string;
  readonly outputIndex: number;
  readonly address: string;
  readonly lovelace: bigint;
  /** As stored: unit to decimal string. */
  readonly assets: Record<string, string>;
  readonly feeShare: bigint;
};

/** Answers which of them the books didn't know, and all of them as they stand. */
export async function adoptPayouts(
  tx: Tx,
  at: Date,
  { txHash, batchId }: AdoptedTransaction,
  outputs: readonly PaidOutput[],
): Promise<{ readonly unknown: readonly string[]; readonly payouts: readonly Payout[] }> {
  const ids = outputs.map((output) => output.payoutId);
  const { rows } = await tx.query<{ id: string }>(ADOPT_PAYOUTS, [
    batchId,
    at,
    ids,
    outputs.map((output) => output.address),
    outputs.map((output) => output.lovelace.toString()),
    outputs.map((output) => JSON.stringify(output.assets)),
  ]);
  await tx.query(JOIN_BATCH, [ids, batchId]);
  await tx.query(STORE_ATTEMPTS, [
    txHash,
    ids,
    outputs.map((output) => output.outputIndex),
    outputs.map((output) => output.feeShare.toString()),
  ]);
  const locked = await tx.query<PayoutRow>(LOCK_PAYOUTS, [ids]);
  return { unknown: rows.map((row) => row.id), payouts: locked.rows.map(payoutFrom) };
}

const REMEMBER_GAP = `
  update payout_control
     set memory_gap = memory_gap + 1, updated_at = $1,
         hold_reason = coalesce(hold_reason, $2),
         held_at = case when $3::bigint < hold_until_slot then held_at else $1 end,
         hold_until_slot = case when $3::bigint < hold_until_slot then hold_until_slot end`;

/**
 * The database forgot a transaction, so it may have forgotten others that aren't in a block yet. One whose
 * bound lies beyond the hold's was signed later than the hold assumed: the hold begins anew.
 */
export const holdForForgotten = (
  tx: Tx,
  at: Date,
  reason: string,
  invalidHereafter: number | null,
) => tx.query(REMEMBER_GAP, [at, reason, invalidHereafter]);

const DISTRUSTED = `
  select 1 from audit_log
   where entity_type = 'payout_transaction' and entity_id = $1 and action = 'payout.paused'`;

/** Whether a person was told of this transaction before: a rollback may bring it again. */
export const wasDistrusted = async (tx: Tx, txHash: string): Promise<boolean> =>
  (await tx.query(DISTRUSTED, [txHash])).rows.length > 0;

const PAUSE = `
  update payout_control set paused_at = $1, paused_by = $2, pause_reason = $3, updated_at = $1
   where paused_at is null`;

export const pauseFor = (tx: Tx, at: Date, by: string, reason: string) =>
  tx.query(PAUSE, [at, by, reason]);

const LOCK_CONTROL = 'select 1 from payout_control for update';

/** Nobody signs or submits until this commits. */
export const lockControl = (tx: Tx) => tx.query(LOCK_CONTROL);
