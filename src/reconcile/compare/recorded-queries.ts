import type { Output, OutputReference } from '../../chain/block.js';
import { outputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import type { PaymentStatus } from '../../payments/payment.js';
import { heightOrNull, readStoredValue } from '../../payments/stored-value.js';
import type { RecordedOutput } from '../model/finding.js';
import { type RequiredDepth, sameValue } from './compare-output.js';

/**
 * Outputs as they were right after the block at a height, read at any later time: what came above is left
 * out, and what was spent above counts as unspent. True as long as no rollback went below that height.
 * A payment that is rolled back is part of it, so that one whose output is on the chain is found; and so is
 * what stands at a height beyond all that numbers tell apart, which is that of no block.
 */
const HEIGHT = 'coalesce(block_height, counted_from, -1)';
const IS_AT = `(${HEIGHT} <= $2::bigint or ${HEIGHT} > ${Number.MAX_SAFE_INTEGER})`;
const PAYMENTS_AT = `
  select 'payment' as kind, tx_hash, output_index, address, user_id, status, amount_lovelace, assets,
         block_hash, block_height, slot, tx_position, counted_from, spent_by, spent_height, inclusion,
         required_confirmations, null::boolean as has_script
    from incoming_payments
   where partition_id = $1 and ${IS_AT}`;
const WALLET_AT = `
  select 'wallet', tx_hash, output_index, address, null, null, amount_lovelace, assets,
         block_hash, block_height, slot, null, counted_from, spent_by, spent_height, 1, null, has_script
    from wallet_outputs
   where partition_id = $1 and ${IS_AT}`;

// Each half ends by itself: of both together PostgreSQL would read and sort all that follows for every page.
const NEXT = `
  and (tx_hash, output_index) > ($3::text, $4::int) order by tx_hash, output_index limit $5`;
/** Registered as its user's; what no block brought counts only where what was there before does. */
const IS_OWNED = `
  exists (select from payment_addresses a
           where a.address = o.address and a.partition_id = $1 and a.user_id = o.user_id
             and (a.backfill or o.block_hash is not null))`;
/** Made by the block that is stored at its height, if any is, or told of by a ledger. */
const IS_PLACED = `
  case when o.block_hash is null
       then o.block_height is null and o.slot is null and o.counted_from between -1 and $2
       else o.block_height between 0 and $2 and o.slot is not null and o.counted_from is null
            and not exists (select from blocks b
                             where b.partition_id = $1 and b.height = o.block_height and not b.boundary
                               and (b.hash, b.slot) is distinct from (o.block_hash, o.slot)) end`;
/*
 * What `judgeRecorded` finds nothing wrong with, whatever the ledger says of it beside its address and value: nearly
 * all, and of these no more has to leave the database. Whoever changes what it finds looks here too; the test of
 * this file holds both against each other.
 */
const IS_PLAIN = `
  o.kind = 'payment' and o.status <> 'rolled_back' and o.address is distinct from $6
  and ${IS_OWNED} and ${IS_PLACED}`;
const PAGE = `
  select o.tx_hash, o.output_index, o.address, o.amount_lovelace, nullif(o.assets, '{}')::text as assets,
         case when not coalesce(${IS_PLAIN}, false) then 'odd'
              when o.spent_by is not null and o.spent_height <= $2 then 'spent'
              when o.spent_by is null and o.spent_height is null and o.status in ('confirmed', 'ignored')
              then 'held'
              else 'odd' end as look
    from ((${PAYMENTS_AT} ${NEXT}) union all (${WALLET_AT} ${NEXT})
           order by tx_hash, output_index limit $5) as o
   order by tx_hash, output_index`;

const THESE = 'and (tx_hash, output_index) in (select * from unnest($3::text[], $4::int[]))';
const AMONG = `${PAYMENTS_AT} ${THESE} union all ${WALLET_AT} ${THESE}`;

/** An output's row, of either table. */
export type RecordedRow = {
  kind: 'payment' | 'wallet';
  tx_hash: string;
  output_index: number;
  address: string;
  user_id: string | null;
  status: PaymentStatus | null;
  amount_lovelace: string;
  assets: unknown;
  block_hash: string | null;
  block_height: string | null;
  slot: string | null;
  tx_position: number | null;
  counted_from: string | null;
  spent_by: string | null;
  spent_height: string | null;
  inclusion: number;
  required_confirmations: number | null;
  has_script: boolean | null;
};

export type Recorded = RecordedOutput & RequiredDepth;

/** A recorded output at first sight. */
export type ListedOutput = {
  readonly reference: OutputReference;
  readonly address: string;
  readonly amountLovelace: string;
  /** JSON, as it stands there; null where there are none. */
  readonly assets: string | null;
  /**
   * `held`: all is well where the ledger holds the same value at this address. `spent`: all is well.
   * `odd`: it has to be looked at.
   */
  readonly look: 'held' | 'spent' | 'odd';
};

/** One page of all recorded outputs, in the order of their references, after a reference. */
export async function listedAfter(
  db: Queryable,
  { partitionId, hotWallet }: { readonly partitionId: number; readonly hotWallet: string | null },
  height: number,
  after: { readonly txHash: string; readonly index: number },
  limit: number,
): Promise<ListedOutput[]> {
  type Row = Pick<RecordedRow, 'tx_hash' | 'output_index' | 'address' | 'amount_lovelace'> &
    Pick<ListedOutput, 'assets' | 'look'>;
  const values = [partitionId, height, after.txHash, after.index, limit, hotWallet];
  const { rows } = await db.query<Row>(PAGE, values);
  return rows.map(({ tx_hash, output_index, address, amount_lovelace, assets, look }) => ({
    reference: outputReference(tx_hash, output_index),
    address,
    amountLovelace: amount_lovelace,
    assets,
    look,
  }));
}

/** Whether the ledger holds what is listed: of what is `held` nothing else is left to be compared. */
export function isSame(
  { address, amountLovelace, assets }: ListedOutput,
  onChain: Pick<Output, 'address' | 'value'>,
): boolean {
  const { value } = onChain;
  if (onChain.address !== address) return false;
  if (assets === null) {
    return value.assets.size === 0 && value.lovelace.toString() === amountLovelace;
  }
  const stored = readStoredValue(amountLovelace, JSON.parse(assets));
  return stored.unreadable === undefined && sameValue(stored, value);
}

/** At most two of each reference, one of either table: only where another hand was at work are there two. */
export async function recordedAmong(
  db: Queryable,
  partitionId: number,
  height: number,
  references: readonly OutputReference[],
): Promise<Recorded[]> {
  if (references.length === 0) return [];
  const parts = references.map((reference) => reference.split('#'));
  const { rows } = await db.query<RecordedRow>(AMONG, [
    partitionId,
    height,
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
  ]);
  return rows.map((row) => recordedAt(row, height));
}

function recordedAt(row: RecordedRow, at: number): Recorded {
  const recorded = recordedFrom(row);
  return (recorded.spent?.height ?? at) > at ? { ...recorded, spent: null } : recorded;
}

/** As it stands, whenever it was spent. */
export function recordedFrom(row: RecordedRow): Recorded {
  const { block_hash, slot } = row;
  const height = heightOrNull(row.block_height);
  const spentHeight = row.spent_height === null ? null : Number(row.spent_height);
  return {
    kind: row.kind,
    reference: outputReference(row.tx_hash, row.output_index),
    address: row.address,
    ...readStoredValue(row.amount_lovelace, row.assets),
    ...(row.has_script === null ? {} : { hasScript: row.has_script }),
    userId: row.user_id,
    status: row.status,
    placement:
      block_hash === null || height === null || slot === null
        ? null
        : {
            blockHash: block_hash,
            height,
            slot: Number(slot),
            txPosition: row.tx_position,
          },
    countedFrom: heightOrNull(row.counted_from),
    spent: row.spent_by === null ? null : { txHash: row.spent_by, height: spentHeight },
    inclusion: row.inclusion,
    requiredConfirmations: row.required_confirmations,
  };
}
