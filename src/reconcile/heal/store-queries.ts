import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import { type Payment, showAssets } from '../../payments/payment.js';
import type { ChainOutput, Placement, SpentBy } from '../model/finding.js';

/** A payment as it is to stand in the books. */
export type PaymentToStore = Payment & {
  readonly placement: Placement | null;
  readonly countedFrom: number | null;
  readonly spent: SpentBy | null;
};

const STORE = `
  insert into incoming_payments
    (partition_id, tx_hash, output_index, address, user_id, reference_type, reference_id,
     amount_lovelace, assets, status, inclusion, required_confirmations, block_hash, block_height, slot,
     tx_position, counted_from, spent_by, spent_height, detected_at, confirmed_at)
  select $1, * from unnest(
    $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::numeric[], $9::jsonb[],
    $10::text[], $11::int[], $12::int[], $13::text[], $14::bigint[], $15::bigint[], $16::int[],
    $17::bigint[], $18::text[], $19::bigint[], $20::timestamptz[], $21::timestamptz[])
  on conflict (tx_hash, output_index) do update set
    address = excluded.address, user_id = excluded.user_id, reference_type = excluded.reference_type,
    reference_id = excluded.reference_id, amount_lovelace = excluded.amount_lovelace,
    assets = excluded.assets, status = excluded.status, inclusion = excluded.inclusion,
    block_hash = excluded.block_hash, block_height = excluded.block_height, slot = excluded.slot,
    tx_position = excluded.tx_position, counted_from = excluded.counted_from,
    spent_by = excluded.spent_by, spent_height = excluded.spent_height,
    confirmed_at = excluded.confirmed_at`;

export const storeCorrected = (tx: Tx, partitionId: number, payments: readonly PaymentToStore[]) =>
  tx.query(STORE, [
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
    payments.map(({ placement }) => placement?.blockHash ?? null),
    payments.map(({ placement }) => placement?.height ?? null),
    payments.map(({ placement }) => placement?.slot ?? null),
    payments.map(({ placement }) => placement?.txPosition ?? null),
    payments.map((payment) => payment.countedFrom),
    payments.map(({ spent }) => spent?.txHash ?? null),
    payments.map(({ spent }) => spent?.height ?? null),
    payments.map((payment) => payment.detectedAt),
    payments.map((payment) => payment.confirmedAt),
  ]);

/** No ledger told of it: not at a height that a chain may have. */
const IS_FREE = `coalesce(w.counted_from > ${Number.MAX_SAFE_INTEGER}, true)`;
const STORE_WALLET = `
  with asked as (
    select coalesce((select start_height from sync_state where partition_id = $1), -1) as start_height,
           coalesce((select max(block_height) from wallet_backfills where partition_id = $1), $13) as height
  )
  insert into wallet_outputs as w
    (partition_id, tx_hash, output_index, address, amount_lovelace, assets, has_script, block_hash,
     block_height, slot, counted_from, spent_by, spent_height)
  select $1, tx_hash, output_index, address, amount, assets, has_script,
         case when is_followed then block_hash end, case when is_followed then block_height end,
         case when is_followed then slot end, case when not is_followed then height end,
         spent_by, spent_height
    from unnest($2::text[], $3::int[], $4::text[], $5::numeric[], $6::jsonb[], $7::boolean[], $8::text[],
                $9::bigint[], $10::bigint[], $11::text[], $12::bigint[])
           as o (tx_hash, output_index, address, amount, assets, has_script, block_hash, block_height, slot,
                 spent_by, spent_height),
         asked,
         -- What no followed block made was there before, and has no block in the books.
         lateral (select coalesce(block_height > start_height, false) as is_followed) f
  on conflict (tx_hash, output_index) do update set
    address = excluded.address, amount_lovelace = excluded.amount_lovelace, assets = excluded.assets,
    has_script = excluded.has_script,
    -- What was there before it was followed keeps no block; where no block was looked at, the row's stands.
    block_hash = case when ${IS_FREE} then coalesce(excluded.block_hash, w.block_hash) end,
    block_height = case when ${IS_FREE} then coalesce(excluded.block_height, w.block_height) end,
    slot = case when ${IS_FREE} then coalesce(excluded.slot, w.slot) end,
    counted_from = case when w.counted_from > ${Number.MAX_SAFE_INTEGER} then excluded.counted_from
                        else w.counted_from end,
    -- What happened above the height that was looked at stands.
    spent_by = case when excluded.spent_by is null and w.spent_height > $13 then w.spent_by
                    else excluded.spent_by end,
    spent_height = case when excluded.spent_by is null and w.spent_height > $13 then w.spent_height
                        else excluded.spent_height end`;

/** @param height of the block after which the chain was looked at */
export const storeWallet = (
  tx: Tx,
  partitionId: number,
  outputs: readonly ChainOutput[],
  height: number,
) => {
  const spent = outputs.map((output) =>
    output.spent === 'unspent' || output.spent === 'gone' ? null : output.spent,
  );
  const split = outputs.map(({ reference }) => reference.split('#'));
  return tx.query(STORE_WALLET, [
    partitionId,
    split.map(([txHash]) => txHash),
    split.map(([, index]) => Number(index)),
    outputs.map((output) => output.address),
    outputs.map((output) => output.lovelace.toString()),
    outputs.map((output) => JSON.stringify(showAssets(output.assets))),
    outputs.map((output) => output.hasScript),
    outputs.map(({ placement }) => placement?.blockHash ?? null),
    outputs.map(({ placement }) => placement?.height ?? null),
    outputs.map(({ placement }) => placement?.slot ?? null),
    spent.map((one) => one?.txHash ?? null),
    spent.map((one) => one?.height ?? null),
    height,
  ]);
};

const DROP_WALLET = `
  delete from wallet_outputs w using unnest($2::text[], $3::int[]) as r (tx_hash, output_index)
   where w.partition_id = $1 and w.tx_hash = r.tx_hash and w.output_index = r.output_index`;

export const dropWallet = (tx: Tx, partitionId: number, references: readonly OutputReference[]) => {
  const split = references.map((reference) => reference.split('#'));
  return tx.query(DROP_WALLET, [
    partitionId,
    split.map(([txHash]) => txHash),
    split.map(([, index]) => Number(index)),
  ]);
};

const AUDIT = `
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  select action, entity_type, entity_id, $2, details, $1
    from unnest($3::text[], $4::text[], $5::text[], $6::jsonb[]) with ordinality
      as a (action, entity_type, entity_id, details, ord)
   order by ord`;

export type HealAudit = {
  readonly action: string;
  readonly entityType: string;
  readonly entityId: string;
  readonly details: object;
};

export const auditHealing = (tx: Tx, at: Date, actor: string, entries: readonly HealAudit[]) =>
  tx.query(AUDIT, [
    at,
    actor,
    entries.map((entry) => entry.action),
    entries.map((entry) => entry.entityType),
    entries.map((entry) => entry.entityId),
    entries.map((entry) => JSON.stringify(entry.details)),
  ]);
