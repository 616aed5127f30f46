import type { Queryable } from '../../database/transaction.js';
import { parseAssets } from '../../payments/payment.js';
import type { WalletOutput } from '../transaction/transaction.js';

/** Free, or reserved for the batch that asks; in a block and unspent at the cursor. */
const IN_BLOCKS = `
  select w.tx_hash || '#' || w.output_index as reference, w.amount_lovelace as lovelace, w.assets,
         w.has_script, 0 as chain_depth
    from wallet_outputs w
   where w.address = $1 and w.partition_id = $2 and w.spent_by is null
     and not exists (select 1 from wallet_reservations r
                      where r.tx_hash = w.tx_hash and r.output_index = w.output_index
                        and r.batch_id is distinct from $3)
   order by w.tx_hash, w.output_index`;

/** Change of own transactions that may still come into a block, while they don't build on too many others. */
const UNCONFIRMED = `
  select c.tx_hash || '#' || c.output_index as reference, c.amount_lovelace as lovelace, c.assets,
         false as has_script, t.chain_depth + 1 as chain_depth
    from payout_change c join payout_transactions t using (tx_hash)
   where t.block_height is null and t.refused_reason is null and t.first_submitted_at is not null
     and t.invalid_hereafter > $1 and t.chain_depth < $2
     and t.batch_id is distinct from $3
     and not exists (select 1 from wallet_outputs w
                      where w.tx_hash = c.tx_hash and w.output_index = c.output_index)
     and not exists (select 1 from wallet_reservations r
                      where r.tx_hash = c.tx_hash and r.output_index = c.output_index
                        and r.batch_id is distinct from $3)
     and not exists (select 1 from payout_transactions n
                      where n.batch_id = t.batch_id and n.created_at > t.created_at)
     and not exists (select 1 from payout_transaction_inputs i
                       left join wallet_outputs w on w.tx_hash = i.input_tx_hash
                                                 and w.output_index = i.input_index
                      where i.tx_hash = t.tx_hash
                        and (w.spent_by <> t.tx_hash
                             or w.tx_hash is null and not exists (
                               select 1 from payout_transactions m
                                where m.tx_hash = i.input_tx_hash and m.refused_reason is null
                                  and m.invalid_hereafter > $1
                                  and not exists (
                                    select 1 from payout_transaction_inputs mi
                                      join wallet_outputs mw on mw.tx_hash = mi.input_tx_hash
                                                            and mw.output_index = mi.input_index
                                     where mi.tx_hash = m.tx_hash and mw.spent_by <> m.tx_hash))))
   order by c.tx_hash, c.output_index`;

type Row = {
  reference: string;
  lovelace: string;
  assets: Record<string, string>;
  has_script: boolean;
  chain_depth: number;
};

export type WalletQuery = {
  readonly address: string;
  readonly partitionId: number;
  /** Also what is reserved for this batch; null: only what is free. */
  readonly batchId: string | null;
  /** The cursor's slot: what expired makes no change any more. */
  readonly slot: number;
  readonly unconfirmedMax: number;
};

/** What the hot wallet could spend at the cursor. */
export async function spendableOutputs(db: Queryable, query: WalletQuery): Promise<WalletOutput[]> {
  const inBlocks = await db.query<Row>(IN_BLOCKS, [
    query.address,
    query.partitionId,
    query.batchId,
  ]);
  const unconfirmed =
    query.unconfirmedMax === 0
      ? []
      : (await db.query<Row>(UNCONFIRMED, [query.slot, query.unconfirmedMax, query.batchId])).rows;
  return [...inBlocks.rows, ...unconfirmed].map(outputFrom);
}

const UNSPENT = `
  select w.tx_hash || '#' || w.output_index as reference, w.amount_lovelace as lovelace, w.assets,
         w.has_script, 0 as chain_depth
    from wallet_outputs w
   where w.address = $1 and w.partition_id = $2 and w.spent_by is null
   order by w.tx_hash, w.output_index`;

/** All that the hot wallet holds in blocks, also what is reserved. */
export const unspentOutputs = async (
  db: Queryable,
  address: string,
  partitionId: number,
): Promise<WalletOutput[]> =>
  (await db.query<Row>(UNSPENT, [address, partitionId])).rows.map(outputFrom);

const KNOWN_UNITS = `
  select unit from user_balances where unit <> 'lovelace'
  union
  select jsonb_object_keys(assets) from outbound_payments
   where assets <> '{}' and status in ('awaiting_approval', 'queued', 'submitted', 'in_block')`;

/** Assets that customers have, or that are to be paid: all others came uninvited. */
export const knownUnits = async (db: Queryable): Promise<ReadonlySet<string>> =>
  new Set((await db.query<{ unit: string }>(KNOWN_UNITS)).rows.map((row) => row.unit));

const outputFrom = (row: Row): WalletOutput => ({
  reference: row.reference,
  lovelace: BigInt(row.lovelace),
  assets: parseAssets(row.assets),
  hasScript: row.has_script,
  chainDepth: row.chain_depth,
});
